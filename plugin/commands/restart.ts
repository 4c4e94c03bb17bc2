// `kubectl sluice restart NAME`: a person's wish for fresh pods in, a time in the spec of the Rollout out.
// The controller replaces pods of stable that are older, one at a time and between trials.
import { commonFlags } from '../flags.ts'
import { type Command, connect, getRollout, oneName, rolloutsPath } from '../invocation.ts'
import { readRollout } from '../rollout/rollout-view.ts'
import { dryRunFlag } from './command.ts'

export const restart: Command = {
  summary: 'Replace the pods of the stable revision, one at a time',
  usage: 'restart NAME [flags]',
  completes: 'rollout',
  detail:
    'Nothing else changes: no trial begins, and weights stay as they are. Where Git writes spec.restartAt, commit it there.',
  flags: { ...commonFlags, 'dry-run': dryRunFlag },
  async run(invocation) {
    const { world, flags } = invocation
    const name = oneName(invocation)
    const isDryRun = flags.value('dry-run') === 'server'
    const cluster = await connect(invocation)
    const { phase, canary } = readRollout(await getRollout(cluster, name))
    const restartAt = `${new Date(world.now()).toISOString().slice(0, 19)}Z`
    await cluster.client.ask({
      method: 'PATCH',
      path: rolloutsPath(cluster.namespace, name),
      contentType: 'application/merge-patch+json',
      parameters: { fieldManager: 'kubectl-sluice', dryRun: isDryRun ? 'All' : undefined },
      body: { spec: { restartAt } },
    })
    const isOnTrial = phase === 'Progressing' || phase === 'Paused'
    const later = isOnTrial ? `, once the trial of revision ${canary?.revision} has ended` : ''
    const dryRun = isDryRun ? ' (server dry run)' : ''
    world.print(
      `rollout.sluice.dev/${name} restart requested of pods from before ${restartAt}${later}${dryRun}\n`,
    )
    return 0
  },
}
