// Invariants of Git (G): asked at each push of Sluice, against the whole graph and what was stored.
import { trailersOf } from '../../git/revert/message.ts'
import { rollouts } from '../../kube/resources.ts'
import { flightMs, history } from './git-client.ts'
import { definitionsIn, isAncestor, type Push } from './git-host.ts'
import { path } from './scenario.ts'
import { type Rule, rolloutAt, rolloutOf, staleMs, statusOf } from './view.ts'

const trailer = ({ to }: Push, name: string) => trailersOf(to.message).get(name) ?? ''

const releaseIn = (text: string | undefined) =>
  text === undefined ? null : (definitionsIn(text).definitions[0]?.revision ?? null)

export const pushRules: readonly Rule<Push>[] = [
  {
    name: 'G1',
    says: 'one commit at most restores a release of one attempt',
    check(_, push) {
      const key = trailer(push, 'Sluice-Key')
      const same = [...history(push.to)].filter(
        ({ message }) => trailersOf(message).get('Sluice-Key') === key,
      )
      return same.length > 1 ? `${same.length} commits for ${key}` : null
    },
  },
  {
    name: 'G2',
    says: 'every push is a fast-forward',
    check: (_, { found, to, isForced }) =>
      isForced || !isAncestor(found, to) ? 'it is not' : null,
  },
  {
    name: 'G3',
    says: 'every commit that was reachable stays so',
    check: (_, { found, to }) => (isAncestor(found, to) ? null : `${found.id} is lost`),
  },
  {
    name: 'G4',
    says: 'only the file of the Rollout changes, and it asks for the good release then',
    check(_, push) {
      const { from, to } = push
      const changed = [...to.files].filter(([name, text]) => from.files.get(name) !== text)
      const other = changed.find(([name]) => name !== path)
      if (other) return `${other[0]} changed`
      const revision = releaseIn(to.files.get(path))
      return revision === trailer(push, 'Sluice-Good') ? null : `the branch asks for ${revision}`
    },
  },
  {
    name: 'G5',
    says: 'nothing is restored when the branch does not ask for the bad release any more',
    check(_, push) {
      const revision = releaseIn(push.found.files.get(path))
      return revision === trailer(push, 'Sluice-Bad') ? null : `the branch asked for ${revision}`
    },
  },
  {
    name: 'G6',
    says: 'the verdict was stored before',
    check(view, push) {
      const bad = trailer(push, 'Sluice-Bad')
      // A retry that comes while the push is on its way withdraws what can not be stopped any more.
      // So does one that comes while the process stands still between its last look and the push.
      const stoodStill = view.choices.made.some((key) => /^(C3|C5)#/.test(key))
      const aheadMs = flightMs + (stoodStill ? staleMs(view) : 0)
      const from = view.kernel.now() - aheadMs
      const since = view.server.log(rollouts).filter(({ at }) => at >= from)
      const known = [
        ...[rolloutOf(view), rolloutAt(view, from)],
        ...since.map(({ object }) => object),
      ]
      if (known.includes(null)) return null
      const isKnown = known.some((rollout) =>
        statusOf(rollout).quarantine?.some(({ revision }) => revision === bad),
      )
      return isKnown ? null : `${bad} is in no quarantine`
    },
  },
]
