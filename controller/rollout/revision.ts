// Releases in; how they are named, and what is known of them, out.
import type { Hash } from '../../crds/revision.ts'
import type { Release, RolloutStatus } from '../../crds/rollout-status.ts'

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
