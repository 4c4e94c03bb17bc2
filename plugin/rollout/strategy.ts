// The spec of a Rollout as stored or written in, its steps out, by the controller's own function. Pure.
import { type Step, stepsOf } from '../../controller/rollout/steps.ts'
import { isDuration } from '../../crds/duration.ts'
import { compact, type Json, list, number, record, text } from '../json.ts'

/** What is not readable counts as absent: a stored object may be older or newer than this program. */
export function readSteps(spec: Json): readonly Step[] {
  if (spec['blueGreen'] !== undefined) {
    const { approval, hold } = record(spec['blueGreen'])
    return stepsOf({ blueGreen: { approval: approval === true, hold: duration(hold) ?? '0s' } })
  }
  const steps = list(record(spec['canary'])['steps']).map((item) => {
    const { weight, hold, approval } = record(item)
    return {
      weight: number(weight) ?? 0,
      approval: approval === true,
      ...compact({ hold: duration(hold) }),
    }
  })
  return stepsOf({ canary: { steps } })
}

function duration(value: unknown): string | undefined {
  const found = text(value)
  return found !== undefined && isDuration(found) ? found : undefined
}
