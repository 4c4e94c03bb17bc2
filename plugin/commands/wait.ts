// `kubectl sluice wait NAME --revision SHA`: a release in, how it ended out, as an exit code for pipelines.
import { durationMs, isDuration } from '../../crds/duration.ts'
import { ApiRefusal, Failure, UsageError } from '../failure.ts'
import { commonFlags } from '../flags.ts'
import { type Change, follow } from '../follow.ts'
import {
  type Command,
  type Connection,
  connect,
  getRollout,
  type Invocation,
  oneName,
  rolloutsPath,
} from '../invocation.ts'
import { jsonFlag } from '../output-form.ts'
import { leastPrefix, type Standing, standingOf } from '../rollout/release-outcome.ts'
import { type RolloutView, readRollout } from '../rollout/rollout-view.ts'

type Ending = Exclude<Standing['outcome'], 'running' | 'unseen'> | 'timeout'

const codes: Readonly<Record<Ending, number>> = {
  promoted: 0,
  reverted: 1,
  timeout: 2,
  superseded: 3,
  held: 4,
}

export const wait: Command = {
  summary: 'Wait until a release is promoted, or is known not to be',
  usage: 'wait NAME --revision COMMIT|REVISION [flags]',
  completes: 'rollout',
  detail:
    'For pipelines: start it after the push. The revision is the commit that was pushed, or a hash as `get` shows\nit; its first seven digits are enough. What goes on is told on standard error, the end on standard output.\nA release that waits for a person ends it with 4, unless --through-holds is given.',
  exitCodes: {
    0: 'promoted',
    1: 'reverted: it failed or a person aborted it, and traffic is back',
    2: 'timeout: not known yet',
    3: 'superseded: another revision took its place',
    4: 'held: it waits for a person',
    5: 'it could not be found out: wrong usage, no such rollout, or the server says no',
  },
  failureCode: 5,
  flags: {
    ...commonFlags,
    revision: { takes: 'COMMIT|REVISION', help: 'what to wait for; at least seven digits' },
    for: { takes: 'OUTCOME', values: ['promoted'], help: 'what to wait for' },
    timeout: { takes: 'TIME', help: 'longest time to wait, such as 45m; default 30m' },
    'through-holds': { help: 'go on waiting while it waits for a person' },
    output: jsonFlag,
  },
  async run(invocation) {
    const { world, flags } = invocation
    const asked = readAsked(invocation)
    const cluster = await connect(invocation)
    await getRollout(cluster, asked.name)
    const { outcome, ...standing } = await untilEnded(cluster, invocation, asked)
    const code = codes[outcome]
    const { name } = asked
    if (flags.value('output') === 'json') {
      const { release, because, clearedBy } = standing
      const { revision, commit } = release ?? {}
      const about = { rollout: name, namespace: cluster.namespace, revision, commit }
      world.print(`${JSON.stringify({ ...about, outcome, code, because, clearedBy })}\n`)
    } else world.print(`rollout.sluice.dev/${name} ${outcome}: ${standing.because}\n`)
    if (standing.clearedBy) world.printError(`It can be cleared by ${standing.clearedBy}.\n`)
    return code
  },
}

interface Asked {
  readonly name: string
  readonly wanted: string
  readonly timeoutMs: number
  readonly isPatient: boolean
}

function readAsked(invocation: Invocation): Asked {
  const { flags } = invocation
  const wanted = flags.value('revision')?.toLowerCase()
  if (wanted === undefined) throw new UsageError('--revision is missing: a commit, or a revision')
  if (!/^[0-9a-f]+$/.test(wanted)) {
    throw new UsageError(`--revision=${wanted} is neither a commit nor a revision`)
  }
  if (wanted.length < leastPrefix || wanted.length > 64) {
    throw new UsageError(`--revision takes ${leastPrefix} to 64 digits`)
  }
  const timeout = flags.value('timeout') ?? '30m'
  if (!isDuration(timeout)) throw new UsageError(`--timeout=${timeout} is not a time such as 45m`)
  return {
    name: oneName(invocation),
    wanted,
    timeoutMs: durationMs(timeout),
    isPatient: flags.isSet('through-holds'),
  }
}

type Ended = Omit<Standing, 'outcome'> & { readonly outcome: Ending }

async function untilEnded(
  cluster: Connection,
  { world }: Invocation,
  { name, wanted, timeoutMs, isPatient }: Asked,
): Promise<Ended> {
  const late = new AbortController()
  void world.sleep(timeoutMs, late.signal).then(() => late.abort())
  let last: Standing = { outcome: 'unseen', because: 'the rollout was not read' }
  let told = ''
  let lost: string | null = null
  const tell = (line: string) => {
    if (line !== told) world.printError(`${line}\n`)
    told = line
  }
  const path = rolloutsPath(cluster.namespace)
  const parameters = { fieldSelector: `metadata.name=${name}` }
  const followed = { ...cluster, path, parameters, signal: late.signal, sleep: world.sleep }
  try {
    for await (const change of follow(followed)) {
      lost = change.kind === 'lost' ? change.because : null
      if (change.kind === 'lost') {
        tell(`${change.because}; trying again`)
        continue
      }
      const wasSeen = last.release !== undefined
      last = standingOf(rolloutOf(change, name), wanted, { wasSeen, now: world.now() })
      const { outcome } = last
      if (outcome === 'running' || outcome === 'unseen' || (outcome === 'held' && isPatient)) {
        tell(last.because)
      } else return { ...last, outcome }
    }
  } catch (error) {
    if (!(error instanceof ApiRefusal) || error.code !== 404) throw error
    throw new Failure(`the kind of the rollout ${name} is gone`, { cause: error })
  } finally {
    late.abort()
  }
  return {
    ...last,
    outcome: 'timeout',
    because: `not known after the timeout: ${lost ?? last.because}`,
  }
}

/** Fails when it is gone: then nothing can be said of its release any more. */
function rolloutOf(change: Exclude<Change, { kind: 'lost' }>, name: string): RolloutView {
  const item = change.kind === 'listed' ? change.items[0] : change.item
  if (change.kind === 'gone' || !item) {
    throw new Failure(`the rollout ${name} is gone, so its release cannot end`)
  }
  return readRollout(item)
}
