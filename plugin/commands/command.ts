// `kubectl sluice promote|abort|pause|resume|retry NAME`: a person's will in, an annotation on the Rollout out.
// The controller does what it says; this writes it only for what the person has seen.
import { commandAnnotation } from '../../crds/names.ts'
import type { Verb } from '../../crds/words.ts'
import { ApiRefusal, Failure, UsageError } from '../failure.ts'
import { commonFlags } from '../flags.ts'
import {
  type Command,
  type Connection,
  connect,
  getRollout,
  oneName,
  rolloutsPath,
} from '../invocation.ts'
import { record, text } from '../json.ts'
import { judgeCommand, place, whatChanged } from '../rollout/precondition.ts'
import { pendingCommand, type RolloutView, readRollout } from '../rollout/rollout-view.ts'

const conflictLimit = 3
const reasonLimit = 512
const userLimit = 253

export const dryRunFlag = {
  takes: 'WHERE',
  values: ['none', 'server'],
  help: 'server: let it check everything and store nothing',
}

const fullFlag = {
  help: 'leave out the steps, holds, checks and approvals that are left; pods must still be ready',
}

export function command(verb: Verb, summary: string, detail: string): Command {
  return {
    summary,
    detail,
    usage: `${verb} NAME ${verb === 'promote' ? '[--full] ' : ''}[--reason TEXT] [flags]`,
    completes: 'rollout',
    flags: {
      ...commonFlags,
      ...(verb === 'promote' && { full: fullFlag }),
      reason: { takes: 'TEXT', help: 'why; it is kept in the story of the rollout' },
      'dry-run': dryRunFlag,
    },
    async run(invocation) {
      const { world, flags } = invocation
      const name = oneName(invocation)
      const why = flags.value('reason')
      if (why !== undefined && why.length > reasonLimit) {
        throw new UsageError(`--reason is longer than ${reasonLimit} characters`)
      }
      const isDryRun = flags.value('dry-run') === 'server'
      const isFull = verb === 'promote' && flags.isSet('full')
      const cluster = await connect(invocation)
      const [seen, by] = await Promise.all([read(cluster, name), whoAmI(cluster)])
      const { pending } = await request(cluster, seen, {
        verb,
        isDryRun,
        said: {
          ...{ id: world.newId(), by, why, at: new Date(world.now()).toISOString() },
          ...(isFull && { full: true }),
        },
      })
      const already = pending ? ` already requested by ${pending}` : ' requested'
      const dryRun = isDryRun ? ' (server dry run)' : ''
      const at = verb === 'retry' ? `of revision ${seen.target}` : `at ${place(seen)}`
      const what = isFull ? `${verb} in full` : verb
      world.print(`rollout.sluice.dev/${seen.name} ${what}${already} ${at}${dryRun}\n`)
      return 0
    },
  }
}

interface Will {
  readonly verb: Verb
  readonly isDryRun: boolean
  readonly said: {
    readonly id: string
    readonly by: string
    readonly why: string | undefined
    readonly at: string
    readonly full?: boolean
  }
}

/** Writes the command, or tells who gave the same one before. Fails when it makes no sense. */
async function request(
  cluster: Connection,
  seen: RolloutView,
  will: Will,
): Promise<{ readonly pending: string | null }> {
  const judgement = judgeCommand(will.verb, seen)
  if (judgement.kind === 'refused') throw new Failure(judgement.because)
  const { revision, step } = judgement
  let current = seen
  for (let attempt = 0; attempt <= conflictLimit; attempt++) {
    const pending = pendingCommand(current, will.verb)
    const isSame = pending?.revision === revision && pending.step === step
    // More than was asked for before is no repetition.
    if (isSame && (pending.isFull || !will.said.full)) return { pending: pending.by }
    const command = JSON.stringify({ ...will.said, revision, step })
    if (await write(cluster, current, { ...will, command })) return { pending: null }
    current = await read(cluster, seen.name)
    const change = whatChanged(will.verb, seen, current)
    if (change !== null) {
      throw new Failure(`cannot ${will.verb} ${seen.name}: it changed meanwhile: ${change}`)
    }
  }
  throw new Failure(`cannot ${will.verb} ${seen.name}: others keep writing to it; try again`)
}

/** False when somebody wrote to the Rollout since it was read. */
async function write(
  { client, namespace }: Connection,
  { name, resourceVersion }: RolloutView,
  { verb, isDryRun, command }: Will & { readonly command: string },
): Promise<boolean> {
  try {
    await client.ask({
      method: 'PATCH',
      path: rolloutsPath(namespace, name),
      contentType: 'application/merge-patch+json',
      parameters: {
        fieldManager: 'kubectl-sluice',
        dryRun: isDryRun ? 'All' : undefined,
      },
      body: { metadata: { resourceVersion, annotations: { [commandAnnotation(verb)]: command } } },
    })
    return true
  } catch (error) {
    if (error instanceof ApiRefusal && error.code === 409) return false
    throw error
  }
}

async function read(cluster: Connection, name: string): Promise<RolloutView> {
  return readRollout(await getRollout(cluster, name))
}

/** The user as the server knows it; servers before 1.28 do not tell, then as the kubeconfig names it. */
async function whoAmI({ client, userName }: Connection): Promise<string> {
  const apiVersion = 'authentication.k8s.io/v1'
  const review = await client
    .ask({
      method: 'POST',
      path: `/apis/${apiVersion}/selfsubjectreviews`,
      body: { apiVersion, kind: 'SelfSubjectReview' },
    })
    .catch(() => ({}) as Readonly<Record<string, unknown>>)
  const user = record(record(review['status'])['userInfo'])['username']
  return (text(user) ?? (userName || 'unknown')).slice(0, userLimit)
}
