// The text of a file in, the checks in it that ask what the mesh counts out: one check alone, or those of a Rollout
// or a template.
import type { Check } from '../../crds/check.ts'
import { Failure } from '../failure.ts'
import { list, number, record } from '../json.ts'
import { lint } from '../lint/lint.ts'
import { checkSchema, readCheck } from '../lint/references.ts'
import { checkObject } from '../lint/schema-check.ts'
import { readYaml } from '../lint/yaml-places.ts'

export interface FoundCheck {
  readonly check: Check
  readonly minRequests: number
}

const usualRequests = 100

/** Fails with `Failure` that names file, line and column. */
export function readChecks(file: string, source: string): readonly FoundCheck[] {
  const found = /^\s*["']?apiVersion["']?:/m.test(source)
    ? checksOfObjects(file, source)
    : [{ check: checkAlone(file, source), minRequests: usualRequests }]
  return found.flatMap(({ check, minRequests }) => {
    const one = readCheck(check)
    return one.compare || one.successRate || one.latency ? [{ check: one, minRequests }] : []
  })
}

function checksOfObjects(file: string, source: string) {
  const { findings, sound } = lint([{ file, text: source }])
  const errors = findings.filter(({ isWarning }) => !isWarning)
  if (errors.length > 0) throw new Failure(errors.map(placed).join('\n'))
  return sound.flatMap(({ object }) => {
    const spec = record(object['spec'])
    const analysis = record(spec['analysis'])
    const minRequests = number(analysis['minRequests']) ?? usualRequests
    return list(analysis['checks'] ?? spec['checks']).map((check) => ({ check, minRequests }))
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
