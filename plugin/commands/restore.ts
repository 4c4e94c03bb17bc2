// `kubectl sluice restore NAME --at TIME|COMMIT|RELEASE`: a repository on disk in; the commit that brings a release of
// the past back, shown or on a branch of its own, out. No cluster is asked and nothing is pushed.
import { durationMs, isDuration } from '../../crds/duration.ts'
import { readTarget } from '../cluster/kubeconfig.ts'
import { UsageError } from '../failure.ts'
import { commonFlags } from '../flags.ts'
import { bareName, type Command, type Invocation } from '../invocation.ts'
import { orSentence, repository, required, rolloutOf, shown } from './revert.ts'

export const restore: Command = {
  summary: 'Bring a release of the past back, as a commit on a branch of its own',
  usage: 'restore NAME --at TIME|COMMIT|RELEASE [--repo DIR] [--branch B] [--write] [flags]',
  detail:
    'TIME is as in 2026-01-31T12:00:00Z, or how long ago, such as 2h. Only the release fields of this Rollout change,\nas in a revert. Without --write nothing is written; with it a branch is made and nothing is pushed.',
  exitCodes: {
    0: 'there is a decision; it is the first word of the output',
    1: 'there can be none: no such repository, branch, time or release',
    2: 'wrong usage',
  },
  flags: {
    namespace: commonFlags['namespace'] ?? { help: 'namespace' },
    context: commonFlags['context'] ?? { help: 'context of the kubeconfig' },
    kubeconfig: commonFlags['kubeconfig'] ?? { help: 'kubeconfig' },
    at: { takes: 'WHEN', help: 'a time, how long ago, a commit, or a release (its revision)' },
    repo: { takes: 'DIR', completes: 'files', help: 'the repository; default: this folder' },
    branch: { takes: 'NAME', help: 'the branch that is followed; default main' },
    write: { help: 'make the branch with the commit, to be pushed and merged by you' },
    json: { help: 'one JSON object' },
    help: commonFlags['help'] ?? { help: 'show this help' },
  },
  async run(invocation) {
    const { world, flags } = invocation
    const rollout = named(invocation)
    const at = required(invocation, 'at')
    const { restore } = await import('../../git/revert/restore.ts')
    const nowMs = world.now()
    const result = await orSentence(
      restore({
        ...repository(invocation),
        rollout,
        at: isDuration(at) ? new Date(nowMs - durationMs(at)).toISOString() : at,
        nowMs,
        write: flags.isSet('write'),
      }),
    )
    const { branch, from } = result
    if (flags.isSet('json')) world.print(`${JSON.stringify(result)}\n`)
    else {
      world.print(shown(result))
      if (from) world.print(`from commit ${from.commit}, revision ${from.revision}\n`)
      if (branch) {
        world.print(`branch ${branch}\n`)
        world.printError(`Now: git push origin ${branch}, and open a pull request.\n`)
      } else if (result.decision === 'commit') {
        world.printError('Nothing was written; --write makes a branch with this commit.\n')
      }
    }
    return 0
  },
}

/** `checkout`, `rollout/checkout`, or `shop/checkout`. */
function named({ world, flags }: Invocation): { namespace: string; name: string } {
  const [given, ...surplus] = flags.positionals.map(bareName)
  if (given === undefined) throw new UsageError('the name of a rollout is missing')
  if (surplus.length > 0) throw new UsageError('one name at a time')
  if (given.includes('/')) return rolloutOf(given)
  const { env, home } = world
  const options = { path: flags.value('kubeconfig'), context: flags.value('context') }
  const namespace = flags.value('namespace') ?? readTarget({ env, home, ...options }).namespace
  return { namespace, name: given }
}
