// The text of a file in, the compare checks in it out: one check alone, or those of a Rollout or a template.
import type { CompareCheck } from '../../analysis/compare/judge-file.ts'
import { Failure } from '../failure.ts'
import { list, record } from '../json.ts'
import { lint } from '../lint/lint.ts'
import { checkSchema } from '../lint/references.ts'
import { checkObject } from '../lint/schema-check.ts'
import { readYaml } from '../lint/yaml-places.ts'
import { compareOf } from './compare-check.ts'

/** Fails with `Failure` that names file, line and column. */
export function readCompareChecks(file: string, source: string): readonly CompareCheck[] {
  const checks = /^\s*["']?apiVersion["']?:/m.test(source)
    ? checksOfObjects(file, source)
    : [checkAlone(file, source)]
  return checks.flatMap((check) => compareOf(record(check)) ?? [])
}

function checksOfObjects(file: string, source: string): readonly unknown[] {
  const { findings, sound } = lint([{ file, text: source }])
  const errors = findings.filter(({ isWarning }) => !isWarning)
  if (errors.length > 0) throw new Failure(errors.map(placed).join('\n'))
  return sound.flatMap(({ object }) => {
    const spec = record(object['spec'])
    return list(record(spec['analysis'])['checks'] ?? spec['checks'])
  })
}

const defaultName = 'compare'

function checkAlone(file: string, source: string): unknown {
  const [written, ...more] = readYaml(source)
  if (!written || more.length > 0) throw new Failure(`${file}: must hold one check`)
  const [broken] = written.problems
  if (broken) throw new Failure(placed({ file, ...broken }))
  const given = record(written.value)
  const { value, problems } = checkObject(checkSchema(), { name: defaultName, ...given })
  if (problems.length === 0) return value
  throw new Failure(
    problems.map(({ path, ...one }) => placed({ file, ...written.place(path), ...one })).join('\n'),
  )
}

interface Placed {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
  readonly remedy?: string
}

function placed({ file, line, column, message, remedy }: Placed): string {
  return `${file}:${line}:${column}: ${message}${remedy === undefined ? '' : `: ${remedy}`}`
}
