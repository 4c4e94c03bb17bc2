// A mirror, a host and a key in; whether a revert could be written now, and what to change if not, out. The whole
// way is walked: read, build, sign, push to a ref that nobody looks at, delete it, ask the host.
import type { GitHost } from '../hosts/host.ts'
import { HostError } from '../hosts/http.ts'
import { GitError } from '../repository/command.ts'
import { type Author, buildCommits, type Signing } from '../repository/commit-builder.ts'
import type { Mirror, OwnRef } from '../repository/mirror.ts'
import { MirrorError } from '../repository/mirror-error.ts'
import { requireSignatures, type SignaturePolicy } from '../source/signatures.ts'
import { branchPrefix } from './propose.ts'

export interface ReadinessOptions {
  readonly mirror: Mirror
  readonly author: Author
  readonly nowMs: number
  /** Given when pull requests may be needed. */
  readonly host?: GitHost | undefined
  readonly signing?: Signing | undefined
  /** What the readers of the branch require: our own commits must meet it too. */
  readonly signatures?: SignaturePolicy | undefined
}

export const readinessSteps = ['read', 'sign', 'push', 'delete', 'host'] as const
export type ReadinessStep = (typeof readinessSteps)[number]

export type Readiness =
  | { readonly isReady: true }
  | {
      readonly isReady: false
      readonly step: ReadinessStep
      /** What is wrong and what to change, for people. */
      readonly because: string
    }

/** Hidden from clones; left behind only when a run is cut off, and then replaced by the next. */
const scratch: OwnRef = 'refs/sluice/readiness'

/** Never rejects for what a host or a key does. */
export function checkWritePath(options: ReadinessOptions): Promise<Readiness> {
  return options.mirror.exclusive(() => walk(options))
}

async function walk(options: ReadinessOptions): Promise<Readiness> {
  const { mirror, host } = options
  let step: ReadinessStep = 'read'
  try {
    const { head: tip } = await mirror.fetch()
    step = 'sign'
    const commit = await build(options, tip)
    step = 'push'
    const was = await mirror.ownHead(scratch)
    const pushed = await mirror.pushOwn(scratch, commit, was)
    if (!pushed.isAccepted && (await mirror.ownHead(scratch)) !== commit) {
      return notReady(step, `the server refused a push to ${scratch}: ${pushed.words}`)
    }
    step = 'delete'
    const deleted = await mirror.pushOwn(scratch, null, commit)
    if (!deleted.isAccepted && (await mirror.ownHead(scratch)) !== null) {
      return notReady(step, `the server refused to delete ${scratch}: ${deleted.words}`)
    }
    step = 'host'
    await host?.find({ branch: `${branchPrefix}readiness`, base: mirror.branch })
    return { isReady: true }
  } catch (error) {
    const isExpected =
      error instanceof MirrorError || error instanceof GitError || error instanceof HostError
    if (!isExpected) throw error
    return notReady(step, error.message)
  }
}

async function build(options: ReadinessOptions, parent: string): Promise<string> {
  const { mirror, author, nowMs, signing, signatures } = options
  const message = 'readiness: try the write path\n'
  const [commit = ''] = await buildCommits((args, more) => mirror.run(args, more), {
    parent,
    plans: [{ files: new Map(), message }],
    author,
    nowMs,
    signing,
  })
  if (signatures) {
    const policy = { ...signatures, require: 'head' as const }
    await requireSignatures(mirror, policy, { head: commit, isIncluded: () => true })
  }
  return commit
}

const remedies: Readonly<Record<ReadinessStep, string>> = {
  read: 'Check spec.repository, spec.branch and the credentials of the GitSource',
  sign: 'Check ssh-signingkey or openpgp-signingkey in the credentials, and that its public key is among the allowed signers',
  push: 'Give the credentials the right to write to the repository',
  delete: 'Give the credentials the right to delete refs below refs/sluice/',
  host: 'Check spec.host, and that the token may read and write pull requests',
}

function notReady(step: ReadinessStep, words: string): Readiness {
  return { isReady: false, step, because: `${words.slice(0, 800)}. ${remedies[step]}` }
}
