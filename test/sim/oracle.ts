// Everything that happens in; the first broken invariant out. Rules are asked where they apply: at writes of
// the controller, at statuses it stores, at pushes, at answers it gets.
import type { Verdict } from '../../analysis/verdict.ts'
import { label } from '../../crds/names.ts'
import { deployments, replicaSets, rollouts } from '../../kube/resources.ts'
import type { Change } from './api-server.ts'
import type { Requested } from './client.ts'
import { configRules } from './configured.ts'
import type { Push } from './git-host.ts'
import { isPreview, isRoute, isSubsets, routerOf } from './routing.ts'
import { adoptionRules } from './rules-adoption.ts'
import { besideRules, previewRules, selectorRules } from './rules-beside.ts'
import { gateRules } from './rules-gates.ts'
import { pushRules } from './rules-git.ts'
import { createJudgedRule, deadUnderTraffic } from './rules-judged.ts'
import { ownerRules, requestRules } from './rules-owner.ts'
import { createRequestRules } from './rules-requests.ts'
import { restoreRules, retreatRules } from './rules-retreat.ts'
import { statusRules } from './rules-status.ts'
import { fleetRules, objectRules, routeRules } from './rules-traffic.ts'
import type { Rule, View, Violation } from './view.ts'

export interface Oracle {
  changed(change: Change): void
  requested(requested: Requested): void
  pushed(push: Push): void
  /** A controller process got a verdict. */
  judged(process: string, verdict: Verdict): void
  violate(name: string, says: string): void
  violation(): Violation | null
  /** Writes of controllers since the beginning, leases left out. */
  writes(): number
}

/** What is asked of an object that a controller writes for a Rollout. */
function rulesOf({ scenario }: View, change: Change): readonly Rule<Change>[] {
  const { resource, object, type } = change
  const router = routerOf(scenario)
  if (isPreview(change)) return previewRules
  if (resource.plural === deployments.plural) return adoptionRules
  if (isRoute(router, change)) {
    const written = [...routeRules, ...besideRules, ...selectorRules, ...retreatRules]
    return type === 'DELETED' ? objectRules : [...written, ...objectRules]
  }
  if (resource.plural === replicaSets.plural && object.metadata.labels?.[label.revision]) {
    return [...fleetRules, ...adoptionRules, ...configRules, ...objectRules]
  }
  return isSubsets(router, change) ? objectRules : []
}

export function createOracle(view: () => View): Oracle {
  const askJudged = createJudgedRule(view)
  const askRequests = createRequestRules(() => view().kernel.now())
  let first: Violation | null = null
  let writes = 0

  const violate = (name: string, says: string) => {
    first ??= { name, says, at: view().kernel.now() }
  }

  function ask<Event>(rules: readonly Rule<Event>[], event: Event): void {
    if (first) return
    for (const rule of rules) {
      const seen = rule.check(view(), event)
      if (seen !== null) violate(rule.name, `${rule.says}: ${seen}`)
    }
  }

  return {
    violate,
    violation: () => first,
    writes: () => writes,
    pushed: (push) => {
      writes += 1
      ask([...pushRules, ...restoreRules], push)
    },
    judged(process, verdict) {
      const seen = askJudged(process, verdict)
      const dead = deadUnderTraffic(view())
      if (dead !== null) violate('V8-dead', `a canary without pods loses its traffic: ${dead}`)
      if (seen !== null) violate('V8', `a failed verdict aborts, paused or not: ${seen}`)
    },
    requested(requested) {
      ask(requestRules, requested)
      const broken = askRequests(requested)
      if (broken) violate(broken.name, broken.says)
    },
    changed(change) {
      if (!change.by.isController || change.resource.plural === 'leases') return
      writes += 1
      ask(ownerRules, change)
      const { plural } = change.resource
      if (plural === rollouts.plural) {
        if (change.by.verb.endsWith('status')) ask([...statusRules, ...gateRules], change)
        return
      }
      ask(rulesOf(view(), change), change)
    },
  }
}
