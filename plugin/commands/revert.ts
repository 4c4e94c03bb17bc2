// `kubectl sluice revert --dry-run`: a repository on disk and two commits in, what Sluice would write to the branch out.
// The engine is that of the controller; no cluster is asked and nothing is written.
import type { DryRun } from '../../git/revert/dry-run.ts'
import { Failure, UsageError } from '../failure.ts'
import { commonFlags } from '../flags.ts'
import type { Command, Invocation } from '../invocation.ts'
import { printable } from '../render.ts'

export const revert: Command = {
  summary: 'Show what a revert would write to a branch, without a cluster',
  usage:
    'revert --dry-run --rollout NAMESPACE/NAME --bad COMMIT --good COMMIT [--repo DIR] [--branch B] [--json]',
  detail:
    'It is the controller that reverts, after an abort, and only what the failed release changed. This shows\nwhat it would do on a repository here. Nothing is written to it.',
  exitCodes: {
    0: 'there is a decision; it is the first word of the output',
    1: 'there can be none: no such repository, branch or commit',
    2: 'wrong usage',
  },
  flags: {
    'dry-run': { help: 'required: there is no other way to run it' },
    repo: { takes: 'DIR', completes: 'files', help: 'the repository; default: this folder' },
    branch: { takes: 'NAME', help: 'the branch that is followed; default main' },
    rollout: { takes: 'NAMESPACE/NAME', help: 'the Rollout whose release failed' },
    bad: { takes: 'COMMIT', help: 'commit with the release that failed' },
    good: { takes: 'COMMIT', help: 'commit with the release to go back to' },
    json: { help: 'one JSON object' },
    help: commonFlags['help'] ?? { help: 'show this help' },
  },
  async run(invocation) {
    const { world, flags } = invocation
    if (!flags.isSet('dry-run')) {
      throw new UsageError(
        'only --dry-run is done here; to bring a release back, abort its rollout or see restore',
      )
    }
    if (flags.positionals.length > 0) throw new UsageError('the rollout is named by --rollout')
    const { dryRun } = await import('../../git/revert/dry-run.ts')
    const result = await orSentence(
      dryRun({
        ...repository(invocation),
        rollout: rolloutOf(required(invocation, 'rollout')),
        bad: required(invocation, 'bad'),
        good: required(invocation, 'good'),
        nowMs: world.now(),
      }),
    )
    world.print(flags.isSet('json') ? `${JSON.stringify(result)}\n` : shown(result))
    return 0
  },
}

export function repository({ flags }: Invocation): {
  readonly repo: string
  readonly branch: string
} {
  return { repo: flags.value('repo') ?? '.', branch: flags.value('branch') ?? 'main' }
}

export function required({ flags }: Invocation, name: string): string {
  const value = flags.value(name)
  if (!value) throw new UsageError(`--${name} is missing`)
  return value
}

export function rolloutOf(text: string): { readonly namespace: string; readonly name: string } {
  const [namespace = '', name = '', ...more] = text.split('/')
  if (!namespace || !name || more.length > 0) {
    throw new UsageError(`"${text}" is not NAMESPACE/NAME`)
  }
  return { namespace, name }
}

/** What the engine rejects with is a sentence for people. */
export async function orSentence<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    throw new Failure(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

export function shown({ decision, because, tree, diff }: DryRun): string {
  const lines = diff === '' ? [] : diff.trimEnd().split('\n').map(indented)
  return [`${decision}: ${printable(because)}`, `tree ${tree}`, ...lines, ''].join('\n')
}

/** A line of a diff as it is, without what could rewrite the terminal. */
function indented(line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}]/gu, (mark) => (mark === '\t' ? mark : ''))
}
