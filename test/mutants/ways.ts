// Mutants of the many ways of the API: routes of users, headers and copies, previews, proposals, people who are told.
import type { Mutant } from './mutant.ts'

const core = 'controller/rollout'

export const wayMutants: readonly Mutant[] = [
  {
    name: 'what a user had is forgotten with the next weights',
    file: 'traffic/in-place.ts',
    find: '    original: isKept ? edit.original : found,',
    replace: '    original: found,',
    like: 'T8; a route that is given back says what it said before',
  },
  {
    name: 'a route of a user is not put back when the Rollout goes',
    file: 'controller/act/let-go.ts',
    find: "  if (router.ownership === 'owned') return []",
    replace: '  if (router.ownership) return []',
    like: 'Z1, T8',
  },
  {
    name: 'a Service keeps our selector when the Rollout goes',
    file: 'traffic/service.ts',
    find: "  return withEdits({ ...current, spec: { ...current['spec'], selector } }, others)",
    replace: '  return selector ? withEdits(current, others) : current',
    like: 'T8, Z1; a selector without pods answers nobody',
  },
  {
    name: 'matched requests stay with the canary after its step',
    file: 'traffic/istio-http.ts',
    find: '  const plain = rules.filter((rule) => !isMatchRule(rule, beside.rollout))',
    replace: '  const plain = [...rules]',
    like: 'T9; argo-rollouts, managed routes left behind',
  },
  {
    name: 'copies of requests go on after their step',
    file: 'traffic/gateway-rules.ts',
    find: '  if (!(rule.filters ?? []).some((filter: Json) => isOurMirror(filter, at))) return rule',
    replace: '  if (rule && !isOurMirror({}, at)) return rule',
    like: 'T9',
  },
  {
    name: 'headers lead to a canary that is paused before it had any',
    file: `${core}/desired.ts`,
    find: '    aside: isPaused && !isSame(stored.aside, aside) ? null : aside,',
    replace: '    aside,',
    like: 'H3; nothing new reaches a paused canary',
  },
  {
    name: 'headers lead to a canary without a pod',
    file: `${core}/shift.ts`,
    find: 'isBeside ? Math.min(1, wanted) : 0',
    replace: 'isBeside ? 0 : 0',
    like: 'T3; a header route to nobody is a dropped request',
  },
  {
    name: 'a stable that may shrink shrinks to one pod',
    file: `${core}/desired.ts`,
    find: '? Math.max(1, 100 - weight) : 100',
    replace: '? 1 : 100',
    like: 'T5; argo-rollouts #3372, dynamicStableScale',
  },
  {
    name: 'a stable that may shrink shrinks before its traffic has left',
    file: `${core}/converge.ts`,
    find: '  const trimmed = isLive ? trim(world) : []',
    replace: '  const trimmed = trim(world)',
    like: 'T5; pods go before weights are live',
  },
  {
    name: 'a preview leads to a revision before it has a pod',
    file: `${core}/converge.ts`,
    find: 'revision === seen.preview || readyOf(seen, revision) === 0) return []',
    replace: 'revision === seen.preview) return []',
    like: 'T7',
  },
  {
    name: 'the old revision is not kept after a switch',
    file: `${core}/decide.ts`,
    find: "Math.max(drainMs, durationMs(blueGreen?.keep ?? '0s'))",
    replace: 'Math.max(drainMs, 0)',
    like: 'T5-keep; scaleDownDelay',
  },
  {
    name: 'a merged pull request is never looked at again',
    file: 'controller/sync/revert-desk.ts',
    find: '        desk.memory.reverts.delete(uid)\n',
    replace: '',
    like: 'L2; a proposal is an answer that may change',
  },
  {
    name: 'Git does not wait as long as was asked',
    file: `${core}/restoring.ts`,
    find: '  return at > now ? at : null',
    replace: '  return at > now ? null : null',
    like: 'V8-delay; people may say a word of theirs first',
  },
  {
    name: 'what had no answer is told to nobody',
    file: 'controller/notify/notifier.ts',
    find: '      recall(office, object, (news) => !isRepeated(news))\n',
    replace: '',
    like: 'V5-told; K4',
  },
  {
    name: 'people are told the same again and again',
    file: 'controller/notify/mailbox.ts',
    find: '  if (isKnown) return null',
    replace: '  if (isKnown && box.key.length > 100) return null',
    like: 'V5',
  },
  {
    name: 'a message that was taken is sent again',
    file: 'controller/notify/mailbox.ts',
    find: '  if (index >= 0) box.letters.splice(index, 1)',
    replace: '  if (index >= 0 && box.letters.length > 3) box.letters.splice(index, 1)',
    like: 'V5',
  },
]
