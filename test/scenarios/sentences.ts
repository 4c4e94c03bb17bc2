// A deed of a scenario in, its effect on the simulated world out. Faults that last are switched on for a time.
import { durationMs } from '../../crds/duration.ts'
import { commandAnnotation, label } from '../../crds/names.ts'
import type { Verb } from '../../crds/words.ts'
import type { KubeObject } from '../../kube/api.ts'
import {
  configMaps,
  destinationRules,
  replicaSets,
  rollouts,
  virtualServices,
} from '../../kube/resources.ts'
import { configMapOf } from '../sim/configured.ts'
import { ask, killPods, loseStatus, type Role, say, scale } from '../sim/deeds.ts'
import type { FaultId } from '../sim/faults.ts'
import { edit, recreate, remove, weightsEdit } from '../sim/people.ts'
import type { World } from '../sim/world.ts'
import type { Switches } from './switches.ts'

export interface Stage {
  readonly world: World
  readonly switches: Switches
}

type Deed = (stage: Stage, words: string[]) => void

/** Faults that a scenario can switch on, in its own words. */
const lasting: Readonly<Record<string, FaultId>> = {
  'Prometheus is down': 'P1',
  'Prometheus answers late': 'P2',
  'Prometheus answers nothing': 'P3',
  'Prometheus answers NaN': 'P4',
  'Prometheus answers another type': 'P7',
  'Prometheus refuses the query': 'P11',
  'the branch is protected': 'G9f',
  'others push between fetch and push': 'G1f',
  'newer releases land between fetch and push': 'G2f',
  'answers to pushes are lost': 'G3f',
  'proxies learn late': 'X6',
  'events come late and twice': 'K8',
  'watches are silently dead': 'K5',
  'lists come from the past': 'K7',
  'answers to writes are lost': 'K4',
  'writes conflict': 'K1',
  'admission denies writes': 'X5',
  'requests are forbidden': 'K11',
}

const deeds: readonly (readonly [RegExp, Deed])[] = [
  [/^(?:commit|apply) v(\d)$/, ({ world }, [version]) => ask(world, Number(version))],
  [
    /^(\w+) says (promote|pause|resume|abort|retry)$/,
    ({ world }, [by = '', verb]) => say(world, { by, verb: verb as Verb }),
  ],
  [
    /^(\w+) says promote in full$/,
    ({ world }, [by = '']) => say(world, { by, verb: 'promote', isInFull: true }),
  ],
  [
    /^(\w+) says (promote|abort) for another revision$/,
    ({ world }, [by = '', verb]) =>
      say(world, { by, verb: verb as Verb, about: { revision: 'feedfeed00', step: 0 } }),
  ],
  [
    /^(\w+) writes nonsense as (promote|abort)$/,
    ({ world }, [by = '', verb]) => {
      const annotations = { [commandAnnotation(verb as Verb)]: JSON.stringify({ by }) }
      edit(world, rollouts, { metadata: { annotations } })
    },
  ],
  [/^scale to (\d+)$/, ({ world }, [count]) => scale(world, Number(count))],
  [
    /^pods of (stable|canary) die for (\w+)$/,
    ({ world }, [role, time = '']) => killPods(world, role as Role, durationMs(time)),
  ],
  [
    /^half of all pods die for (\w+)$/,
    ({ world }, [time = '']) => world.pods.kill((_, index) => index % 2 === 0, durationMs(time)),
  ],
  [
    /^a quota forbids pods for (\w+)$/,
    ({ world }, [time = '']) =>
      world.pods.forbid(world.kernel.now() + durationMs(time), 'exceeded quota: pods'),
  ],
  [
    /^Git is down for (\w+)$/,
    ({ world }, [time = '']) => {
      world.git.downUntil = world.kernel.now() + durationMs(time)
    },
  ],
  [
    /^the kinds of the mesh are missing for (\w+)$/,
    ({ world }, [time = '']) => {
      world.missing.untilMs = world.kernel.now() + durationMs(time)
    },
  ],
  [
    /^somebody force-pushes the commit before$/,
    ({ world }) => {
      const { parent } = world.host.head()
      if (parent) world.host.force(parent)
    },
  ],
  [
    /^somebody sets the weight to (\d+)$/,
    ({ world }, [weight]) => weightsEdit(world, Number(weight)),
  ],
  [
    /^a tool sets the weight to (\d+) for (\w+)$/,
    ({ world }, [weight, time = '']) => {
      for (let ms = 0; ms < durationMs(time); ms += 10_000) {
        world.kernel.after(ms, () => weightsEdit(world, Number(weight)))
      }
    },
  ],
  [
    /^somebody deletes the (route|subsets|rollout|configuration)$/,
    ({ world }, [what]) =>
      remove(
        world,
        {
          route: virtualServices,
          subsets: destinationRules,
          rollout: rollouts,
          configuration: configMaps,
        }[what as 'route'],
      ),
  ],
  [
    /^somebody creates the configuration of v(\d) again$/,
    ({ world }, [version]) => {
      const { image = '' } = world.scenario.releases[Number(version) - 1] ?? {}
      const by = { name: 'ada', isController: false, sentAt: world.kernel.now(), verb: 'create' }
      world.server.create(by, configMaps, configMapOf(image))
    },
  ],
  [
    /^somebody creates it again with v(\d)$/,
    ({ world }, [version]) => recreate(world, Number(version) - 1),
  ],
  [
    /^somebody edits the steps to ([\d, ]+)$/,
    ({ world }, [list = '']) => {
      const steps = list.split(',').map((weight) => ({ weight: Number(weight), hold: '30s' }))
      edit(world, rollouts, { spec: { blueGreen: null, canary: { steps } } })
    },
  ],
  [/^the status is lost$/, ({ world }) => loseStatus(world)],
  [/^the namespace terminates$/, terminate],
  [
    /^the controller is restarted$/,
    ({ world }) => {
      const [running] = world.controllers.running()
      if (running) world.controllers.restart(running)
    },
  ],
  [
    /^the controller ends (before|after) the next (.+)$/,
    ({ switches }, [when, what = '']) => switches.crash(when as 'before' | 'after', what),
  ],
  [
    /^the leader stands still for (\w+)$/,
    ({ world }, [time = '']) => {
      const leader = world.controllers.running().find(({ lease }) => lease?.mayWrite() ?? true)
      if (leader) leader.process.pausedUntil = world.kernel.now() + durationMs(time)
    },
  ],
  [
    /^(.+) for (\w+)$/,
    ({ world, switches }, [words = '', time = '']) => {
      const fault = lasting[words]
      if (!fault) throw new Error(`"${words}" is no fault of this language`)
      switches.set(fault, world.kernel.now() + durationMs(time))
    },
  ],
]

export function perform(stage: Stage, text: string): void {
  for (const [pattern, deed] of deeds) {
    const match = pattern.exec(text)
    if (!match) continue
    deed(stage, match.slice(1))
    return
  }
  throw new Error(`"${text}" is no deed of this language`)
}

/** Nothing may be created any more, and everything goes, the Rollout somewhere in between. */
function terminate({ world, switches }: Stage): void {
  const { server, kernel } = world
  switches.terminate()
  const by = {
    name: 'namespace controller',
    isController: false,
    sentAt: kernel.now(),
    verb: 'delete',
  }
  const goes = (kind: typeof rollouts, choose: (object: KubeObject) => boolean) => {
    for (const one of server.list(kind).filter(choose)) server.delete(by, kind, one.metadata)
  }
  goes(virtualServices, () => true)
  kernel.after(1_000, () =>
    goes(replicaSets, ({ metadata }) => metadata.labels?.[label.rollout] !== undefined),
  )
  kernel.after(3_000, () => {
    goes(rollouts, () => true)
    goes(destinationRules, () => true)
  })
}
