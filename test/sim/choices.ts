// A seed, or a list of choices, in; which fault strikes at which occasion out. Every choice that is not the
// default is written down: the list replays the run, and the empty list is the run without faults.
import { type FaultId, faultIndex, faults } from './faults.ts'
import { mix, unitOf } from './random.ts'

/** A fault that strikes now; `unit` gives its sizes, the same at each replay. */
export interface Strike {
  readonly key: string
  /** In [0, 1), a number of its own per place. */
  unit(place: number): number
  /** From `least` to `most`. */
  between(place: number, least: number, most: number): number
}

export interface Choices {
  /** Null when the fault does not strike at this occasion. */
  at(fault: FaultId): Strike | null
  /** From now on nothing strikes. */
  heal(): void
  isHealed(): boolean
  /** Keys of all that struck, such as `K4#12`. */
  readonly made: readonly string[]
  /** Cells of fault and phase that were hit. */
  readonly cells: ReadonlySet<string>
}

export interface ChoiceOptions {
  readonly seed: number
  /** Only these strike; undefined draws from the seed. */
  readonly only?: readonly string[] | undefined
  /** Phase of the Rollout now, for the table. */
  readonly phase: () => string
}

const rateFactors = [0.3, 1, 1, 3]

export function createChoices({ seed, only, phase }: ChoiceOptions): Choices {
  const given = only && new Set(only)
  const rates = ratesOf(seed)
  const asked = new Uint32Array(faults.length)
  const made: string[] = []
  const cells = new Set<string>()
  let healed = false
  return {
    made,
    cells,
    heal: () => {
      healed = true
    },
    isHealed: () => healed,
    at(fault) {
      if (healed) return null
      const index = faultIndex.get(fault) ?? 0
      const occasion = asked[index] ?? 0
      asked[index] = occasion + 1
      if (given) {
        if (given.size === 0 || !given.has(`${fault}#${occasion}`)) return null
      } else if (unitOf(mix(seed, index, occasion)) >= (rates[index] ?? 0)) return null
      const key = `${fault}#${occasion}`
      made.push(key)
      cells.add(`${fault}/${phase()}`)
      const unit = (place: number) => unitOf(mix(seed + 1, index * 64 + place, occasion))
      return { key, unit, between: (place, least, most) => least + unit(place) * (most - least) }
    },
  }
}

/** Each seed has faults of its own: few of many are found sooner than all at once. */
function ratesOf(seed: number): readonly number[] {
  const mood = mix(seed, 9001) % 16
  if (mood === 0) return faults.map(() => 0)
  const share = mood < 4 ? 0.1 : mood < 12 ? 0.35 : 0.8
  return faults.map(({ rate }, index) => {
    if (unitOf(mix(seed, 5000 + index)) >= share) return 0
    return Math.min(0.9, rate * (rateFactors[mix(seed, 6000 + index) % rateFactors.length] ?? 1))
  })
}
