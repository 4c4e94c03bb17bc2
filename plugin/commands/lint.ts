// `kubectl sluice lint -f FILE`: files in, what is wrong in them with line and column out. No cluster is asked.
import manifest from '../../package.json' with { type: 'json' }
import { UsageError } from '../failure.ts'
import { commonFlags } from '../flags.ts'
import type { Command, Invocation } from '../invocation.ts'
import type { Finding, Source } from '../lint/lint.ts'

export const lint: Command = {
  summary: 'Check files before they reach a cluster, with line and column',
  usage: 'lint -f FILE|FOLDER|- [FILE…] [flags]',
  completes: 'files',
  detail:
    'What the API server would refuse is found here, without a cluster, and what it would drop in silence: misspelt\nfields. PromQL is read by its\nown grammar. Objects of other groups are left alone.',
  exitCodes: {
    0: 'nothing is wrong',
    1: 'something is wrong, more than a warning',
    2: 'a file cannot be read',
  },
  flags: {
    filename: {
      short: 'f',
      takes: 'FILE',
      completes: 'files',
      help: 'file, folder with its folders, or - for standard input; more may follow',
    },
    output: {
      short: 'o',
      takes: 'FORM',
      values: ['json', 'sarif'],
      help: 'form of the output',
    },
    help: commonFlags['help'] ?? { help: 'show this help' },
  },
  async run(invocation) {
    const { world, flags } = invocation
    const sources = await sourcesOf(invocation)
    const { lint: check } = await import('../lint/lint.ts')
    const { findings, count } = check(sources)
    const form = flags.value('output')
    if (form === 'json') world.print(`${JSON.stringify({ objects: count, findings }, null, 4)}\n`)
    else if (form === 'sarif') {
      const { sarif } = await import('../lint/sarif.ts')
      world.print(`${JSON.stringify(sarif(findings, manifest.version), null, 2)}\n`)
    } else world.print(findings.map(lineOf).join(''))
    if (count === 0) world.printError('No object of sluice.dev found.\n')
    else if (form === undefined) world.printError(`${summary(findings, count)}\n`)
    return findings.some(({ isWarning }) => !isWarning) ? 1 : 0
  },
}

/** Files of `-f` and of the words after the flags. */
export async function sourcesOf({ world, flags }: Invocation): Promise<Source[]> {
  const first = flags.value('filename')
  const names = [...(first === undefined ? [] : [first]), ...flags.positionals]
  if (names.length === 0) throw new UsageError('-f is missing: a file, a folder, or -')
  const { readSources } = await import('../lint/files.ts')
  return readSources(names, world)
}

/** As compilers have it, so that editors and CI find the place. */
export function lineOf({ file, line, column, message, remedy, isWarning }: Finding): string {
  const what = `${isWarning ? 'warning: ' : ''}${message}`
  return `${file}:${line}:${column}: ${what}${remedy === undefined ? '' : `: ${remedy}`}\n`
}

function summary(findings: readonly Finding[], count: number): string {
  const warnings = findings.filter(({ isWarning }) => isWarning).length
  const wrong = findings.length - warnings
  const counted = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`
  return [
    counted(count, 'object'),
    wrong === 0 ? 'nothing is wrong' : counted(wrong, 'problem'),
    ...(warnings === 0 ? [] : [counted(warnings, 'warning')]),
  ].join(', ')
}
