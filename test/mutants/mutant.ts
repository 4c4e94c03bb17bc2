// A mutant: one line of the product made wrong, and where the idea comes from. The simulation must notice.
import { wayMutants } from './ways.ts'

export interface Mutant {
  readonly name: string
  readonly file: string
  /** Stands exactly once in the file; a test holds that. */
  readonly find: string
  readonly replace: string
  /** An invariant of reliability research, or the peer's bug that it repeats. */
  readonly like: string
}

const core = 'controller/rollout'

/** Guards of the core: what may be decided. */
export const coreMutants: readonly Mutant[] = [
  {
    name: 'shift before pods are ready',
    file: `${core}/shift.ts`,
    find: '  if (short === undefined) {',
    replace: "  if (short === undefined || short !== '') {",
    like: 'T2; argo-rollouts #2507, #3372',
  },
  {
    name: 'one ready pod is enough for any weight',
    file: `${core}/steps.ts`,
    find: 'Math.max(1, Math.ceil((weight / 100) * replicas))',
    replace: '1',
    like: 'T2; weight beyond capacity',
  },
  {
    name: 'route before the subset is seen',
    file: `${core}/shift.ts`,
    find: '  if (unknown) return { actions: [], waiting: null, wakeAt: null }',
    replace: '  if (unknown && false) return { actions: [], waiting: null, wakeAt: null }',
    like: 'T3; istio best practices, 503 NC',
  },
  {
    name: 'the mesh obeys at once',
    file: `${core}/shift.ts`,
    find: '  const settledAt = (route.since ?? now) + rules.settleMs',
    replace: '  const settledAt = route.since ?? now',
    like: 'M3, T5; argo-rollouts #587',
  },
  {
    name: 'no drain before pods go',
    file: `${core}/shrink.ts`,
    find: '(seen.route.since ?? seen.now) + rules.settleMs + rules.drainMs',
    replace: '0 * rules.drainMs',
    like: 'T5; argo-rollouts #3681, #4390',
  },
  {
    name: 'a route that the mesh refuses counts as live',
    file: `${core}/shift.ts`,
    find: '  const liveAt = route.untaken ? null : settledAt',
    replace: '  const liveAt = settledAt',
    like: 'T4; a mesh keeps the old route in force and says so only in its status',
  },
  {
    name: 'a selector picks pods on their way out',
    file: `${core}/shift.ts`,
    find: '  if (!rules.isByPods || !isPinned) return null',
    replace: '  if (!rules.isByPods || !isPinned || seen) return null',
    like: 'T5; without a mesh every pod of the selector serves',
  },
  {
    name: 'pods go while traffic is not live elsewhere',
    file: `${core}/converge.ts`,
    find: 'const shrunk = isLive || rules.isByPods ? shrink(world) : nothingToShrink',
    replace: 'const shrunk = shrink(world) ?? nothingToShrink',
    like: 'T5; argo-rollouts #2050, #2235',
  },
  {
    name: 'a superseded canary keeps its traffic beside the next',
    file: `${core}/shift.ts`,
    find: '  if (mustDrainFirst(want, route) || hasLostFleet(want, seen)) {',
    replace: '  if (hasLostFleet(want, seen)) {',
    like: 'H4; argo-rollouts #4564, #4775',
  },
  {
    name: 'the drain of a superseded canary is not awaited',
    file: `${core}/shift.ts`,
    find: '    if (underWay) return { actions: [], waiting: underWay, liveAt: null, wakeAt }',
    replace:
      '    if (underWay && false) return { actions: [], waiting: underWay, liveAt: null, wakeAt }',
    like: 'H4; identity moves while weight is live',
  },
  {
    name: 'a new phase does not restamp the route',
    file: `${core}/shift.ts`,
    find: '  if (!isAsWanted(route, want.weights, want.aside) || route.decision < rules.fence) {',
    replace: '  if (!isAsWanted(route, want.weights, want.aside)) {',
    like: 'A2, A3; the stale actor',
  },
  {
    name: 'a new phase does not restamp fleets',
    file: `${core}/grow.ts`,
    find: '    } else if (fleet.decision < rules.fence) {',
    replace: '    } else if (fleet.decision < 0) {',
    like: 'A2; the stale actor',
  },
  {
    name: 'stable shrinks while the canary grows',
    file: `${core}/desired.ts`,
    find: 'const kept = spec.canary?.dynamicStableScale ? Math.max(1, 100 - weight) : 100',
    replace: 'const kept = Math.max(1, 100 - weight)',
    like: 'T6; flagger #635, argo-rollouts #3372',
  },
  {
    name: 'the canary stays at one pod',
    file: `${core}/desired.ts`,
    find: 'podsFor(Math.max(1, fleetPercent), spec.replicas)',
    replace: '1',
    like: 'L1, L2; never enough pods',
  },
  {
    name: 'a paused canary goes on rising',
    file: `${core}/desired.ts`,
    find: 'isPaused ? Math.min(step.weight, stored.weights[canary] ?? 0) : step.weight',
    replace: 'step.weight',
    like: 'H3',
  },
  {
    name: 'a failed verdict is ignored',
    file: `${core}/advance.ts`,
    find: "  if (verdict?.outcome === 'Failed' && isAbout(verdict, phase)) {",
    replace: "  if (verdict?.outcome === 'Failed' && isAbout(verdict, phase) && false) {",
    like: 'V8',
  },
  {
    name: 'a failed verdict is ignored while paused',
    file: `${core}/advance.ts`,
    find: "  if (verdict?.outcome === 'Failed' && isAbout(verdict, phase)) {",
    replace:
      "  if (verdict?.outcome === 'Failed' && phase.kind !== 'Paused' && isAbout(verdict, phase)) {",
    like: 'V8',
  },
  {
    name: 'a verdict speaks for any revision',
    file: `${core}/gate.ts`,
    find: '    verdict.revision === phase.canary.revision &&\n    verdict.step === phase.step &&\n    verdict.from >= phase.since',
    replace: '    verdict.step === phase.step',
    like: 'V7',
  },
  {
    name: 'a verdict speaks for any step',
    file: `${core}/gate.ts`,
    find: '    verdict.revision === phase.canary.revision &&\n    verdict.step === phase.step &&\n    verdict.from >= phase.since',
    replace: '    verdict.revision === phase.canary.revision',
    like: 'M3',
  },
  {
    name: 'old evidence counts',
    file: `${core}/gate.ts`,
    find: '    verdict.from >= phase.since',
    replace: '    verdict.from > 0',
    like: 'M3; retry judged by the first try',
  },
  {
    name: 'no evidence passes',
    file: `${core}/gate.ts`,
    find: "  const isPassed = verdict?.outcome === 'Passed' && isAbout(verdict, phase)",
    replace:
      "  const isPassed = verdict === null || (verdict.outcome === 'Passed' && isAbout(verdict, phase))",
    like: 'V1, M1; flagger #1581',
  },
  {
    name: 'inconclusive passes',
    file: `${core}/gate.ts`,
    find: "  const isPassed = verdict?.outcome === 'Passed' && isAbout(verdict, phase)",
    replace:
      "  const isPassed = (verdict?.outcome === 'Passed' || verdict?.outcome === 'Inconclusive') && isAbout(verdict, phase)",
    like: 'M2; argo-rollouts #4479',
  },
  {
    name: 'a provider that is down passes',
    file: `${core}/gate.ts`,
    find: "  const isPassed = verdict?.outcome === 'Passed' && isAbout(verdict, phase)",
    replace:
      "  const isPassed = (verdict?.outcome === 'Passed' || verdict?.outcome === 'Error') && isAbout(verdict, phase)",
    like: 'M1; argo-rollouts #4479',
  },
  {
    name: 'checks that run pass',
    file: `${core}/gate.ts`,
    find: "  const isPassed = verdict?.outcome === 'Passed' && isAbout(verdict, phase)",
    replace:
      "  const isPassed = (verdict?.outcome === 'Passed' || verdict?.outcome === 'Running') && isAbout(verdict, phase)",
    like: 'V1',
  },
  {
    name: 'the hold is skipped',
    file: `${core}/gate.ts`,
    find: '  if (snapshot.now < heldUntil(snapshot, phase, seen)) return false',
    replace: '  if (snapshot.now < 0 * heldUntil(snapshot, phase, seen)) return false',
    like: 'L4; a deadline fires early',
  },
  {
    name: 'the gate opens before the weight is live',
    file: `${core}/advance.ts`,
    find: '  if (!seen.isServing) return null\n  const isInFull',
    replace: '  const isInFull',
    like: 'T4; step n+1 before step n was seen',
  },
  {
    name: 'approval is not needed',
    file: `${core}/advance.ts`,
    find: '  if (step.approval && !promote) return null',
    replace: '  if (step.approval && !promote && false) return null',
    like: 'H2',
  },
  {
    name: 'promote beats abort',
    file: `${core}/advance.ts`,
    find: "  const abort = command(snapshot, 'abort', { canary: phase.canary })",
    replace:
      "  const abort = command(snapshot, 'promote', phase) ? null : command(snapshot, 'abort', { canary: phase.canary })",
    like: 'H1',
  },
  {
    name: 'commands are consumed never',
    file: `${core}/record.ts`,
    find: '    commands: consume(snapshot, () => true),',
    replace: '    commands: snapshot.status.commands,',
    like: 'H2; argo-rollouts #720',
  },
  {
    name: 'a command for another step counts',
    file: `${core}/person.ts`,
    find: '  return isForOther || isForOtherStep ? null : found',
    replace: '  return isForOther && isForOtherStep ? null : found',
    like: 'H2; two people promote at once',
  },
  {
    name: 'an aborted revision is tried again by itself',
    file: `${core}/record.ts`,
    find: '  if (!next.quarantine) return kept.length > 0 ? kept : undefined',
    replace: '  if (next.quarantine || !next.quarantine) return kept.length > 0 ? kept : undefined',
    like: 'V2, L2; argo-rollouts #3078, #4973',
  },
  {
    name: 'retry keeps the quarantine',
    file: `${core}/begin.ts`,
    find: '    ...(retry ? { release: target } : {}),',
    replace: '    ...(retry ? {} : {}),',
    like: 'L2; a retried revision stays forbidden',
  },
  {
    name: 'the deadline never comes',
    file: `${core}/gate.ts`,
    find: '  const deadlineMs = durationMs(snapshot.spec.progressDeadline)',
    replace: '  const deadlineMs = 1e6 * durationMs(snapshot.spec.progressDeadline)',
    like: 'L2; a rollout that never ends',
  },
  {
    name: 'dead canary pods are kept under traffic',
    file: `${core}/advance.ts`,
    find: '  const isTrying = hasTraffic(route, phase.canary.revision)',
    replace: '  const isTrying = weight < 0',
    like: 'T2, W2; crash loop in mid-step',
  },
  {
    name: 'on abort all traffic goes to whatever is left of stable',
    file: `${core}/shift.ts`,
    find: 'areOthersDead && ready > 0 ? 100 : Math.floor((100 * ready) / rules.replicas)',
    replace: 'ready >= 0 ? 100 : 0',
    like: 'T2, T3, W5; argo-rollouts #3372',
  },
  {
    name: 'an abort waits for every pod of stable',
    file: `${core}/shift.ts`,
    find: '  const part = rules.isRetreat ? retreat(world) : null',
    replace: '  const part = rules.isRetreat && false ? retreat(world) : null',
    like: 'V8',
  },
  {
    name: 'Git is restored before traffic is safe',
    file: `${core}/restoring.ts`,
    find: '  if (!status.revert || !isOpen(status) || !isSafe) return []',
    replace: '  if (!status.revert || !isOpen(status)) return []',
    like: 'V8, G6; order of an abort',
  },
  {
    name: 'Git is restored again and again',
    file: `${core}/record.ts`,
    find: '  if (!report || !status.revert || !isOpen(status)) return null',
    replace: '  if (report || !report) return null',
    like: 'G1',
  },
  {
    name: 'what could not be measured is reverted in Git',
    file: `${core}/record.ts`,
    find: '  inconclusive: false,',
    replace: '  inconclusive: true,',
    like: 'L6; only what is measured bad writes Git',
  },
  {
    name: 'the first step is skipped on a new attempt',
    file: `${core}/begin.ts`,
    find: 'const step = isBack ? stepsOf(spec).length - 1 : 0',
    replace: 'const step = stepsOf(spec).length - 1',
    like: 'V4',
  },
  {
    name: 'a step is skipped',
    file: `${core}/advance.ts`,
    find: "    phase: { kind: 'Progressing', canary, step: phase.step + 1, since: now, startedAt },",
    replace:
      "    phase: { kind: 'Progressing', canary, step: phase.step + 2, since: now, startedAt },",
    like: 'T4, V4',
  },
  {
    name: 'decisions are not numbered',
    file: `${core}/record.ts`,
    find: '    decision: before.decision + 1,\n    fence',
    replace: '    decision: before.decision,\n    fence',
    like: 'A2',
  },
]

/** Guards of the edges: what may be written, and what may be believed. */
export const edgeMutants: readonly Mutant[] = [
  {
    name: 'status is written after the world',
    file: 'controller/reconcile.ts',
    find: '    await storeStatus(reconciler, observed.object, decision.status)',
    replace:
      '    void storeStatus(reconciler, observed.object, decision.status).catch(() => undefined)',
    like: 'V2; verdict stored before traffic moves',
  },
  {
    name: 'the fence is not looked at',
    file: 'controller/act/hands.ts',
    find: '  if (written > snapshot.status.decision) {',
    replace: '  if (written > snapshot.status.decision && false) {',
    like: 'A2, A3',
  },
  {
    name: 'the lease is not asked before a write',
    file: 'controller/act/hands.ts',
    find: '  if (!hands.mayWrite()) throw new Fenced',
    replace: '  if (!hands.mayWrite() && false) throw new Fenced',
    like: 'A2; argo-rollouts #2117',
  },
  {
    name: 'objects belong to a name, not to a Rollout',
    file: 'controller/observe/parsed.ts',
    find: 'isLetGo || owners.some((reference) => reference.uid === owner.reference.uid)',
    replace: 'isLetGo || owners.some((reference) => reference.name === owner.reference.name)',
    like: 'A7, O5; K8, delete and create seen as one update',
  },
  {
    name: 'subsets of revisions that still serve are dropped',
    file: `${core}/grow.ts`,
    find: 'const needed = [...Object.keys(want.replicas), ...Object.keys(seen.route.weights)]',
    replace: 'const needed = [...Object.keys(want.replicas)]',
    like: 'T3, X1; a route that names a subset that is gone answers 503',
  },
  {
    name: 'deletes have no precondition',
    file: 'controller/act/act.ts',
    find: '  await hands.api.delete(replicaSets, key, { uid, resourceVersion, propagation',
    replace: '  await hands.api.delete(replicaSets, key, { propagation',
    like: 'A7, A1',
  },
  {
    name: 'own writes are forgotten',
    file: 'kube/store.ts',
    find: '      if (changes.length > 0) options.onLearned?.(changes)\n      return changes.length > 0',
    replace: '      return changes.length > 0 && object === undefined',
    like: 'A4; argo-rollouts #3316',
  },
  {
    name: 'an older object replaces a newer one',
    file: 'kube/store.ts',
    find: '(!shelf.isTrusting && isOlderVersion(resourceVersion, known))',
    replace: '(shelf.isTrusting && isOlderVersion(resourceVersion, known))',
    like: 'A4, V3; time travel, Sieve stale state',
  },
  {
    name: 'a wait for approval is not said',
    file: `${core}/waiting.ts`,
    find: "    return { reason: 'Approval', message, graceMs: 0, wakeAt: null }",
    replace: "    return { reason: 'Approval', message, graceMs: null, wakeAt: null }",
    like: 'L2; a rollout that stands still and says nothing',
  },
  {
    name: 'a lost watch is not resumed by a list',
    file: 'kube/reflector.ts',
    find: '  if (isExpired) follower.position = null',
    replace: '  if (isExpired && false) follower.position = null',
    like: 'L5, K6; argo-rollouts #4694',
  },
  {
    name: 'after an abort whatever Git asks for is stable',
    file: `${core}/begin.ts`,
    find: '  const isBack = state.stable?.revision === target.revision',
    replace: "  const isBack = target.revision !== ''",
    like: 'V1, V2; argo-rollouts #4973',
  },
  {
    name: 'failed work is not tried again',
    file: 'controller/reconcile.ts',
    find: '    if (!(error instanceof Stalled)) throw error',
    replace: '    if (!(error instanceof Stalled)) return null',
    like: 'L1, L5; argo-rollouts #4694',
  },
  {
    name: 'wake-up times are dropped',
    file: 'controller/reconcile.ts',
    find: '  return decision.wakeAt\n',
    replace: '  return null\n',
    like: 'L1, L4',
  },
  {
    name: 'a revert that failed is not asked again',
    file: 'controller/sync/revert-desk.ts',
    find: '        busy.delete(key)\n        desk.onReport(rolloutKey(observed), null)',
    replace: '        desk.onReport(rolloutKey(observed), null)',
    like: 'G1E, L2; Git down for hours',
  },
  {
    name: 'a window begins with the step, before its weight is live',
    file: `${core}/question.ts`,
    find: '    fromMs: Math.max(phase.since, seen.liveAt),',
    replace: '    fromMs: phase.since,',
    like: 'M3',
  },
  {
    name: 'a window reaches back before the weight was live',
    file: 'analysis/query/window.ts',
    find: '  const room = live.nowMs - live.fromMs - live.scrapeIntervalMs',
    replace: '  const room = live.nowMs - live.fromMs + 4 * live.scrapeIntervalMs',
    like: 'M3; a window that mixes two steps',
  },
  {
    name: 'too few requests pass',
    file: 'analysis/judge/judge.ts',
    find: '  if (samples < gate.minRequests) {',
    replace: '  if (samples < 0 * gate.minRequests) {',
    like: 'V1, M2',
  },
  {
    name: 'a failed check is overruled by a passed one',
    file: 'analysis/judge/judge.ts',
    find: "  for (const outcome of ['Failed', 'Error', 'Inconclusive'] as const) {",
    replace:
      "  for (const outcome of evidence.some((one) => one.outcome === 'Passed') ? [] : (['Failed', 'Error', 'Inconclusive'] as const)) {",
    like: 'M1, V1',
  },
  {
    name: 'no requests to the canary pass',
    file: 'analysis/judge/judge.ts',
    find: "    return { outcome: 'Inconclusive', because, samples }",
    replace: "    return { outcome: 'Passed', because, samples }",
    like: 'M2; flagger #1581, a misnamed metric always passes',
  },
  {
    name: 'pods start before the configuration of their revision is there',
    file: 'controller/act/act.ts',
    find: 'hasCopies ? 0 : action.replicas',
    replace: 'action.replicas',
    like: 'C9-copy; flagger #1930, pods with the configuration of another revision',
  },
  {
    name: 'a revision runs with the newest configuration instead of its own',
    file: 'controller/act/config-copies.ts',
    find: '  if (!release || revisionOf(release.template, digests) !== revision) {',
    replace: '  if (!release || (digests.length === 0 && revision)) {',
    like: 'C9-copy; what is copied is what was decided on',
  },
  {
    name: 'checks that do not answer pass',
    file: 'analysis/judge/judge.ts',
    find: "      return { outcome: 'Error', because: reading.because }",
    replace: "      return { outcome: 'Passed', because: reading.because }",
    like: 'M1; argo-rollouts #4479',
  },
]

export const mutants: readonly Mutant[] = [...coreMutants, ...edgeMutants, ...wayMutants]
