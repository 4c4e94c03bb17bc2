// The URL of a repository and credentials in; what the host says about its refs, and transfers to and from a bare
// repository, out. The only place that talks to the network by git.
import { GitError, type GitOptions, git } from './command.ts'
import { type CredentialFiles, credentialEnvironment, secretFiles } from './credentials.ts'
import { MirrorError, remoteError } from './mirror-error.ts'

export interface RemoteOptions {
  readonly url: string
  /** A directory of its own, for the askpass script. */
  readonly home: string
  readonly credentials?: CredentialFiles | undefined
  /** Longest time of one command, 120 s unless told. */
  readonly networkDeadlineMs?: number | undefined
}

export interface PushResult {
  readonly isAccepted: boolean
  /** What the server said when it did not take the push. */
  readonly words: string
  /** The transfer broke before the server said anything of the ref: no word of its rules. */
  readonly isUnanswered?: boolean
}

export interface Push {
  readonly gitDirectory: string
  /** Null deletes the ref. */
  readonly commit: string | null
  readonly ref: string
  /**
   * Head that the ref must still have, null for none: then the push may replace what is there. Without it the
   * push is a fast-forward or nothing.
   */
  readonly lease?: string | null
}

export interface Remote {
  readonly home: string
  /** For commands without a network: no word of theirs may repeat a secret either. */
  readonly secretFiles: readonly string[]
  fetch(refspec: string, gitDirectory: string): Promise<void>
  push(push: Push): Promise<PushResult>
  /** What the ref names now, or null. Throws `MirrorError`. */
  head(ref: string): Promise<string | null>
  branchMissing(branch: string): Promise<MirrorError>
}

const maxBranchesNamed = 20

/** In the porcelain form of git-push(1), a line with a flag speaks of a ref. */
function isUnanswered(error: GitError): boolean {
  if (/^[!=*+ -]\t/m.test(error.output)) return false
  const cause = remoteError(error)
  return cause instanceof MirrorError && cause.reason === 'unreachable'
}

export function createRemote(options: RemoteOptions): Remote {
  const { url, home, networkDeadlineMs = 120_000, credentials = {} } = options
  const run = (args: readonly string[], more?: Partial<GitOptions>) =>
    git(args, {
      home,
      secretFiles: secretFiles(credentials),
      environment: credentialEnvironment(credentials, home),
      deadlineMs: networkDeadlineMs,
      ...more,
    })

  async function push({ gitDirectory, commit, ref, lease }: Push): Promise<PushResult> {
    const flags = ['--porcelain', '--no-follow-tags', '--recurse-submodules=no']
    const leases = lease === undefined ? [] : [`--force-with-lease=${ref}:${lease ?? ''}`]
    try {
      const refspec = `${commit ?? ''}:${ref}`
      await run(['push', ...flags, ...leases, '--end-of-options', url, refspec], { gitDirectory })
      return { isAccepted: true, words: '' }
    } catch (error) {
      if (!(error instanceof GitError)) throw error
      const words = error.words || error.reason
      return { isAccepted: false, words, isUnanswered: isUnanswered(error) }
    }
  }

  async function head(ref: string): Promise<string | null> {
    try {
      const args = ['ls-remote', '--end-of-options', url, ref]
      const text = (await run(args, { maxOutputBytes: 65_536 })).toString('utf8')
      const line = text.split('\n').find((one) => one.endsWith(`\t${ref}`))
      return line?.split('\t')[0] ?? null
    } catch (error) {
      throw remoteError(error)
    }
  }

  async function branchMissing(branch: string): Promise<MirrorError> {
    const listing = await run(['ls-remote', '--heads', '--end-of-options', url]).catch(() => '')
    const names = [...listing.toString().matchAll(/\trefs\/heads\/(.+)/g)].map(([, name]) => name)
    const shown = names.slice(0, maxBranchesNamed).join(', ')
    const others = names.length - maxBranchesNamed
    const there = names.length === 0 ? 'it has no branches' : `it has ${shown}`
    const more = others > 0 ? ` and ${others} more` : ''
    const message = `the repository has no branch ${branch}: ${there}${more}`
    return new MirrorError('branch-missing', message)
  }

  return {
    home,
    secretFiles: secretFiles(credentials),
    fetch: async (refspec, gitDirectory) => {
      const flags = ['--quiet', '--no-tags', '--no-auto-gc', '--no-write-fetch-head']
      const args = ['fetch', ...flags, '--no-recurse-submodules', '--end-of-options', url, refspec]
      await run(args, { gitDirectory })
    },
    push,
    head,
    branchMissing,
  }
}
