// A small pure world for tests of the core: pods, a route and a clock that obey decisions at once.
import type { Observed, Outcome } from '../../analysis/verdict.ts'
import type { Workload } from '../../controller/rollout/adopt.ts'
import { type Decision, decide } from '../../controller/rollout/decide.ts'
import { assertInvariants } from '../../controller/rollout/invariants.ts'
import { type Action, hasTraffic } from '../../controller/rollout/seen.ts'
import type {
  Contest,
  Fleet,
  Pod,
  RevertReport,
  Route,
  Snapshot,
} from '../../controller/rollout/snapshot.ts'
import type { Command } from '../../crds/command.ts'
import { revisionOf } from '../../crds/revision.ts'
import type { RolloutSpec } from '../../crds/rollout.ts'
import { RolloutStatus } from '../../crds/rollout-status.ts'

export class World {
  now = Date.parse('2026-01-01T00:00:00Z')
  spec: RolloutSpec
  commit = 'c1'
  status: RolloutStatus = RolloutStatus.parse({})
  fleets: Fleet[] = []
  route: Route = {
    weights: {},
    aside: null,
    subsets: [],
    decision: 0,
    since: null,
    untaken: null,
  }
  commands: Command[] = []
  workload: Workload | null = null
  pods: Pod[] = []
  revert: RevertReport | null = null
  contest: Contest | null = null
  preview: string | null = null
  /** Requests that callers sent to both arms. */
  observed: Observed | undefined
  /** What analysis would say of a revision, once its traffic is live. */
  outcome: (revision: string) => Outcome = () => 'Passed'
  /** How many of the wanted pods become ready. */
  ready: (revision: string, desired: number) => number = (_, desired) => desired
  readonly log: string[] = []
  writes = 0
  private said = 0

  constructor(spec: RolloutSpec) {
    this.spec = spec
  }

  get target(): string {
    return revisionOf(this.spec.template)
  }

  ask(spec: RolloutSpec, commit: string): void {
    this.spec = spec
    this.commit = commit
  }

  say(verb: Command['verb'], more: Partial<Command> = {}): void {
    this.said += 1
    const said = {
      verb,
      id: `${verb}-${this.said}`,
      by: 'ada',
      at: new Date(this.now).toISOString(),
    }
    // One annotation per verb: the last one counts.
    this.commands = [...this.commands.filter((old) => old.verb !== verb), { ...said, ...more }]
  }

  snapshot(): Snapshot {
    const { status } = this
    return {
      now: this.now,
      identity: { namespace: 'shop', name: 'checkout', uid: 'u-1', generation: 1 },
      spec: this.spec,
      target: { revision: this.target, commit: this.commit },
      status,
      fleets: this.fleets,
      route: this.route,
      verdict: this.verdict(),
      commands: this.commands.filter((command) => status.commands?.[command.verb] !== command.id),
      revert: this.revert,
      obstacle: null,
      contest: this.contest,
      preview: this.preview,
      unread: null,
      workload: this.workload,
      pods: this.pods,
    }
  }

  /** One tick: decide, check the rules, act. */
  tick(): Decision {
    const snapshot = this.snapshot()
    const decision = decide(snapshot)
    assertInvariants(snapshot, decision)
    if (decision.status) {
      this.status = RolloutStatus.parse(JSON.parse(JSON.stringify(decision.status)))
      this.writes += 1
    }
    for (const announced of decision.announcements) {
      this.log.push(`${announced.reason}: ${announced.note}`)
    }
    for (const action of decision.actions) this.act(action)
    return decision
  }

  /** Ticks until nothing is left to do at this moment. */
  settle(): Decision {
    for (let i = 0; i < 50; i += 1) {
      const decision = this.tick()
      if (decision.status === null && decision.actions.length === 0) return decision
    }
    throw new Error(`the rollout does not come to rest:\n${this.log.join('\n')}`)
  }

  /** Lets time pass in small steps, ticking at each. */
  pass(seconds: number): void {
    for (let i = 0; i < seconds; i += 1) {
      this.now += 1_000
      this.settle()
    }
  }

  private act(action: Action): void {
    this.writes += 1
    const { decision } = this.status
    switch (action.kind) {
      case 'scale': {
        const { revision, replicas } = action
        const before = this.fleets.find((fleet) => fleet.revision === revision)
        const ready = before?.desired === replicas ? before.ready : this.ready(revision, replicas)
        const fleet = { revision, desired: replicas, ready, decision }
        this.fleets = [...this.fleets.filter((old) => old !== before), fleet]
        return
      }
      case 'subsets':
        this.route = { ...this.route, subsets: action.revisions }
        return
      case 'route': {
        const { weights, aside } = action
        const said = (route: Pick<Route, 'weights' | 'aside'>) =>
          JSON.stringify([route.weights, route.aside])
        const since = said(action) === said(this.route) ? this.route.since : this.now
        this.route = { ...this.route, weights, aside, decision, since }
        return
      }
      case 'preview':
        this.preview = action.revision
        return
      case 'remove':
        this.fleets = this.fleets.filter((fleet) => fleet.revision !== action.revision)
        return
      case 'workload': {
        const { name, replicas: desired, isHeld } = action
        const ready = Math.min(this.workload?.ready ?? 0, desired)
        const common = { name, isSettled: true, problem: null }
        this.workload = { ...common, desired, pods: desired, ready, isHeld }
        return
      }
      case 'evict':
        this.pods = this.pods.filter(({ uid }) => uid !== action.uid)
        return
      case 'release':
        this.route = { ...this.route, weights: {}, since: this.now }
        return
      case 'revert':
        this.writes -= 1
        this.log.push(`revert ${action.bad}`)
        this.revert = {
          bad: action.bad,
          attempt: action.attempt,
          state: 'Committed',
          commit: 'r1',
          because: 'the last good release is on the branch again',
        }
    }
  }

  private verdict(): Snapshot['verdict'] {
    const { canary, step, since, phase } = this.status
    if (!canary || step === undefined || !since || this.route.since === null) return null
    if (phase !== 'Progressing' && phase !== 'Paused') return null
    const isReached = hasTraffic(this.route, canary.revision) || this.preview === canary.revision
    if (!isReached) return null
    const from = Math.max(Date.parse(since), this.route.since + 2_000)
    if (this.now < from) return null
    const outcome = this.outcome(canary.revision)
    const because = `checks say ${outcome}`
    const { now: at, observed } = this
    return { revision: canary.revision, step, from, at, outcome, because, evidence: [], observed }
  }
}
