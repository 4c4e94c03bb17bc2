// Every invariant of the reliability research with the place that holds it: a rule of this simulation, or the
// reason why this product or this world can not break it.
import { configRules } from './configured.ts'
import { adoptionRules } from './rules-adoption.ts'
import { besideRules, previewRules, selectorRules } from './rules-beside.ts'
import { gateRules } from './rules-gates.ts'
import { pushRules } from './rules-git.ts'
import { ownerRules, requestRules } from './rules-owner.ts'
import { restoreRules, retreatRules } from './rules-retreat.ts'
import { statusRules } from './rules-status.ts'
import { fleetRules, objectRules, routeRules } from './rules-traffic.ts'

/** Names and sentences of all rules that are asked at single events. */
export const rules: readonly { readonly name: string; readonly says: string }[] = [
  ...routeRules,
  ...besideRules,
  ...adoptionRules,
  ...previewRules,
  ...selectorRules,
  ...fleetRules,
  ...configRules,
  ...objectRules,
  ...statusRules,
  ...gateRules,
  ...ownerRules,
  ...requestRules,
  ...retreatRules,
  ...restoreRules,
  ...pushRules,
  { name: 'A1', says: 'each replace carries the version that it was decided on' },
  { name: 'A4', says: 'nothing is written from an object older than our own last write to it' },
  { name: 'A5', says: 'Retry-After is waited out, and no object is asked about all the time' },
  { name: 'V5', says: 'each turn of a trial is told once, and with one identity' },
  { name: 'V5-told', says: 'at rest people were told how the last trial ended' },
  { name: 'V8-dead', says: 'a canary without pods loses its traffic' },
  { name: 'V8', says: 'a failed verdict aborts, paused or not' },
  { name: 'A6', says: 'at rest nothing is written, also when everything is looked at again' },
  { name: 'L1', says: 'after the last fault the world comes to rest, and stays' },
  { name: 'asserted', says: 'the assertions of the product itself never have to stop a write' },
  { name: 'crash', says: 'nothing fails but requests, metrics and Git' },
  { name: 'determinism', says: 'one seed gives one trace' },
]

/** Held by a rule of another name. */
export const heldBy: Readonly<Record<string, string>> = {
  A3: 'L1: at rest all that is in use carries the fence; and all rules, in the seeds with two controllers',
  A8: 'A6: every controller looks at everything once more, and nothing may be written',
  T9: 'L1: at rest nothing leads anywhere beside the weights, and a preview leads to stable',
  L2: 'L1: each attempt is over, or the Rollout says in blockedBy what it waits for',
  L5: 'L1: in runs where watches die, events are late or lists are old',
  M5: 'V6: nothing is counted but attempts; evidence is a range query and survives restarts',
  Z1: 'L1: a Rollout that is deleted leaves nothing behind; there is no finalizer to get stuck',
  Z2: 'L1: no fleet, subset or route without an owner or a use is left',
  Z3: 'V4: while the status can not be read its phase stays, and T4 forbids weights to rise',
}

/** What can not be broken here, and what holds it instead. */
export const notApplicable: Readonly<Record<string, string>> = {
  A9: 'crash points are placed one by one, and in pairs, by --crash-points',
  G7: 'the simulated host takes no credentials: git/repository/command.test.ts holds what is shown',
  H5: 'identities come from the API server: the plugin writes them, its tests hold that',
  L3: 'one Rollout a world: the work queue is tested with poisoned keys, and bench measures many',
}
