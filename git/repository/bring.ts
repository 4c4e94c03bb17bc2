// The id of a commit that no branch may hold any more, such as after a force-push, in; whether the mirror has it, out.
// Hosts keep such commits for a while, and give them to whoever knows their id.
import type { Mirror } from './mirror.ts'
import { MirrorError, remoteError } from './mirror-error.ts'

type Bringing = Pick<Mirror, 'fetchId' | 'run'>

/** What a host did not give is not asked for again. */
const gone = new WeakMap<Bringing, Set<string>>()
const maxGone = 1_000

/** Throws `MirrorError` when the host did not answer: whether it has the commit is not known then. */
export async function bring(mirror: Bringing, commit: string): Promise<boolean> {
  if (await isThere(mirror, commit)) return true
  const known = gone.get(mirror) ?? new Set<string>()
  if (known.has(commit)) return false
  try {
    await mirror.fetchId(commit)
  } catch (error) {
    const cause = remoteError(error)
    if (!(cause instanceof MirrorError) || cause.reason === 'unreachable') throw cause
  }
  if (await isThere(mirror, commit)) return true
  if (known.size < maxGone) gone.set(mirror, known.add(commit))
  return false
}

async function isThere(mirror: Bringing, commit: string): Promise<boolean> {
  return mirror.run(['cat-file', '-e', `${commit}^{commit}`]).then(
    () => true,
    () => false,
  )
}
