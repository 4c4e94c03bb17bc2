// What a scenario expects in; null where the world agrees, else what is there instead, out.
import { isOwnCommit } from '../../git/revert/message.ts'
import { destinationRules, replicaSets, rollouts, virtualServices } from '../../kube/resources.ts'
import { unrest } from '../sim/end-state.ts'
import { history } from '../sim/git-client.ts'
import { definitionsIn } from '../sim/git-host.ts'
import { path, rolloutKey } from '../sim/scenario.ts'
import { statusOf } from '../sim/view.ts'
import type { World } from '../sim/world.ts'

type Fact = (world: World, words: string[]) => unknown

const status = ({ server }: World) => statusOf(server.get(rollouts, rolloutKey))
export const nameOf = ({ scenario }: World, revision: string | undefined): string =>
  scenario.releases.find((release) => release.revision === revision)?.image.split(':')[1] ?? 'none'
const revisionOf = ({ scenario }: World, version: string | undefined): string =>
  scenario.releases[Number(version) - 1]?.revision ?? ''

/** Each gives what is seen when it does not hold, and null when it does. */
const facts: readonly (readonly [RegExp, Fact])[] = [
  [
    /^promoted v(\d)$/,
    (world, [version]) => {
      const { phase, stable } = status(world)
      const seen = `${phase} ${nameOf(world, stable?.revision)}`
      return seen === `Stable v${version}` ? null : seen
    },
  ],
  [
    /^stable v(\d)$/,
    (world, [version]) => differs(`v${version}`, nameOf(world, status(world).stable?.revision)),
  ],
  [
    /^quarantined v(\d)$/,
    (world, [version]) => {
      const names = (status(world).quarantine ?? []).map(({ revision }) => nameOf(world, revision))
      return names.includes(`v${version}`) ? null : names
    },
  ],
  [/^phase (\w+)$/, (world, [phase]) => differs(phase, status(world).phase)],
  [/^reason (\w+)$/, (world, [reason]) => differs(reason, status(world).reason)],
  [/^step (\d)$/, (world, [step]) => differs(Number(step), (status(world).step ?? -1) + 1)],
  [
    /^weight v(\d) (\d+)$/,
    (world, [version, weight]) =>
      differs(Number(weight), world.mesh.stored()[revisionOf(world, version)] ?? 0),
  ],
  [
    /^ready v(\d) (\d+)$/,
    (world, [version, count]) =>
      differs(Number(count), world.pods.readyOf(revisionOf(world, version))),
  ],
  [/^blocked (\w+)$/, (world, [reason]) => differs(reason, status(world).blockedBy?.reason)],
  [/^revert (\w+)$/, (world, [state]) => differs(state, status(world).revert?.state)],
  [
    /^(\d+) reverts?$/,
    (world, [count]) =>
      differs(
        Number(count),
        [...history(world.host.head())].filter(({ message }) => isOwnCommit(message)).length,
      ),
  ],
  [
    /^the branch asks for v(\d)$/,
    (world, [version]) => {
      const [asked] = definitionsIn(world.host.head().files.get(path) ?? '').definitions
      return differs(`v${version}`, nameOf(world, asked?.revision))
    },
  ],
  [
    /^no request met no pod$/,
    (world) => {
      world.truth.settle()
      return differs(0, Math.round(world.truth.lost()))
    },
  ],
  [
    /^nothing is left$/,
    ({ server }) => {
      const left = [rollouts, replicaSets, virtualServices, destinationRules].flatMap((kind) =>
        server.list(kind),
      )
      return differs(0, left.length)
    },
  ],
  [/^all is at rest$/, (world) => unrest(world)],
]

const differs = (wanted: unknown, seen: unknown) => (wanted === seen ? null : (seen ?? 'nothing'))

export function disagreement(world: World, text: string): string | null {
  for (const [pattern, fact] of facts) {
    const match = pattern.exec(text)
    if (!match) continue
    const seen = fact(world, match.slice(1))
    return seen === null ? null : `expected ${text}, and it is ${JSON.stringify(seen)}`
  }
  throw new Error(`"${text}" is no fact of this language`)
}
