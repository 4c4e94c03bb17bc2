// A Rollout in, the revision it asks for out.
import { annotation } from '../../crds/names.ts'
import { type Hash, revisionOf } from '../../crds/revision.ts'
import type { Rollout } from '../../crds/rollout.ts'
import type { Release, RolloutStatus } from '../../crds/rollout-status.ts'

/** The revision a Rollout asks for, and the commit that asked when Git did. */
export function targetOf(rollout: Pick<Rollout, 'metadata' | 'spec'>): Release {
  const commit = rollout.metadata.annotations?.[annotation.commit]
  return { revision: revisionOf(rollout.spec.template), ...(commit ? { commit } : {}) }
}

/** How a release is named in a sentence: `3fa9c1d2e0 (commit 1b2c3d4)`. */
export function nameOf(release: Release): string {
  return release.commit
    ? `${release.revision} (commit ${release.commit.slice(0, 7)})`
    : release.revision
}

export const isSame = (a: Release | null, hash: Hash): boolean => a?.revision === hash

/** Stable not long ago. One that failed since is not among them. */
export function isFormer(status: RolloutStatus, release: Release): boolean {
  const isKnown = (status.former ?? []).some(({ revision }) => revision === release.revision)
  return isKnown && !isQuarantined(status, release)
}

/** Failed before, and not allowed another try since. */
export function isQuarantined(status: RolloutStatus, release: Release): boolean {
  return (status.quarantine ?? []).some((entry) => entry.revision === release.revision)
}
