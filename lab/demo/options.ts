// Command line of the demo in, what to do out.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

export interface DemoOptions {
  /** Repository, logs and kubeconfig go here. */
  readonly directory: string
  /** The person named the directory, so it must be new or empty. */
  readonly isNamed: boolean
  /** The directory stays: it was named, or the JSON line names the repository in it. */
  readonly isKept: boolean
  readonly json: boolean
  readonly keep: boolean
  /** One step waits for a person's promote. */
  readonly approve: boolean
}

export const help = `Usage: npm run demo -- [flags]

Shows the main job of Sluice on this machine, without a cluster: a good release is promoted step by
step, a bad one is aborted and the last good release is restored in Git by a commit.

  --approve        One step waits for approval: say it with kubectl sluice, as the demo tells.
  --keep           Leave everything running at the end and print commands to try. Ctrl-C ends it.
  --workdir DIR    Put the repository, the logs and the kubeconfig into DIR, new (its parent exists) or empty.
  --json           Print one line of JSON last, and progress to standard error.
  --help           Print this.
`

/** Thrown for a command line that can not be used; its message may be shown as it is. */
export class DemoUsageError extends Error {}

/** Null when only help was asked for. */
export function parseDemoOptions(argv: readonly string[]): DemoOptions | null {
  const flag = { type: 'boolean', default: false } as const
  let values: { [name: string]: string | boolean | undefined }
  try {
    values = parseArgs({
      args: [...argv],
      options: {
        approve: flag,
        keep: flag,
        json: flag,
        help: { ...flag, short: 'h' },
        workdir: { type: 'string' },
      },
    }).values
  } catch (error) {
    throw new DemoUsageError(error instanceof Error ? error.message : String(error))
  }
  if (values['help']) return null
  const { workdir } = values
  if (workdir === '') throw new DemoUsageError('--workdir wants the name of a directory')
  const isNamed = typeof workdir === 'string'
  const directory = isNamed ? resolve(workdir) : mkdtempSync(join(tmpdir(), 'sluice-demo-'))
  return {
    directory,
    isNamed,
    isKept: isNamed || values['json'] === true,
    json: values['json'] === true,
    keep: values['keep'] === true,
    approve: values['approve'] === true,
  }
}
