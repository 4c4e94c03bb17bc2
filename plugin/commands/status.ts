// `kubectl sluice status NAME`: one rollout and its ReplicaSets in, the whole story as a tree out.
import { commonFlags } from '../flags.ts'
import { type Command, connect, getRollout, oneName } from '../invocation.ts'
import { renderTree } from '../render.ts'
import { readRollout } from '../rollout/rollout-view.ts'
import { readPods, statusTree } from '../rollout/status-tree.ts'

export const status: Command = {
  summary: 'Show one rollout: steps, revisions, checks, why it stands where it stands',
  usage: 'status NAME [flags]',
  completes: 'rollout',
  flags: commonFlags,
  async run(invocation) {
    const { world } = invocation
    const name = oneName(invocation)
    const cluster = await connect(invocation)
    const [object, pods] = await Promise.all([getRollout(cluster, name), readPods(cluster, name)])
    world.print(renderTree(statusTree(readRollout(object), pods, world.now()), world.style))
    return 0
  },
}
