// What many scenarios have in common: a first release that serves, and a trial that begins.
import { isSettled, type Observer } from './observer.ts'
import type { Wanted } from './rollout-text.ts'
import type { Stage } from './stage.ts'

/** Commits the first release and waits until it serves callers. A controller must run. */
export async function beginWith({ commit, observer, load }: Stage, version: string): Promise<void> {
  await commit({ version })
  await observer.until(`${version} is stable`, () => isSettled(observer.status()))
  const from = Date.now()
  await observer.until('callers are answered', () => {
    const { requests, failed } = load.since(from)
    return requests - failed > 50
  })
}

/** Gives the revision of a commit once it is on trial. */
export function trialOf(observer: Observer, commit: string): Promise<string> {
  return observer.until(`commit ${commit.slice(0, 7)} is on trial`, () => {
    const { canary } = observer.status() ?? {}
    return canary?.commit === commit && canary.revision
  })
}

/** Commits a release; gives its revision once it is on trial. */
export async function tryOut(stage: Stage, wanted: Omit<Wanted, 'namespace'>): Promise<string> {
  return trialOf(stage.observer, await stage.commit(wanted))
}

export function isPromoted({ status }: Observer, revision: string): boolean {
  return status()?.stable?.revision === revision && isSettled(status())
}
