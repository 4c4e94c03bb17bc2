// Faults that a script switches on for a time, in place of those that a seed draws.
import { ApiError, type KubeApi } from '../../kube/api.ts'
import type { Choices } from '../sim/choices.ts'
import type { FaultId } from '../sim/faults.ts'
import type { WorldOptions } from '../sim/world.ts'

export interface Switches {
  set(fault: FaultId, untilMs: number): void
  /** The next write of this kind, such as `status of rollouts`, ends the controller. */
  crash(when: 'before' | 'after', what: string): void
  /** From now on nothing can be created. */
  terminate(): void
  readonly options: Pick<WorldOptions, 'crash' | 'wrap' | 'wrapChoices'>
}

const restartMs = 2_000

export function createSwitches(now: () => number, onCrash: (text: string) => void): Switches {
  const until = new Map<FaultId, number>()
  const made: string[] = []
  let crash: { readonly when: string; readonly what: string } | null = null
  let isTerminating = false
  const wrapChoices = (choices: Choices): Choices => ({
    ...choices,
    made,
    at(fault) {
      if ((until.get(fault) ?? 0) <= now()) return null
      const key = `${fault}#${made.length}`
      made.push(key)
      return { key, unit: () => 0.5, between: (_, least, most) => (least + most) / 2 }
    },
  })
  const refuse = (name: string): never => {
    const message = `${name} is forbidden: unable to create new content, the namespace is being terminated`
    throw new ApiError({ code: 403, reason: 'Forbidden', message })
  }
  return {
    set: (fault, untilMs) => void until.set(fault, untilMs),
    crash: (when, what) => {
      crash = { when, what }
    },
    terminate: () => {
      isTerminating = true
    },
    options: {
      wrapChoices,
      crash(when, what) {
        if (crash?.when !== when || !what.includes(crash.what)) return null
        crash = null
        onCrash(`the controller ends ${when} ${what}`)
        return restartMs
      },
      wrap: (api: KubeApi): KubeApi => ({
        ...api,
        create: async (resource, object, options) =>
          isTerminating ? refuse(object.metadata.name) : api.create(resource, object, options),
      }),
    },
  }
}
