// A host of repositories as three verbs. It is asked over its API; Git itself goes another way.
import type { HostClient } from './http.ts'

export interface PullRequest {
  readonly number: number
  /** For people; https or http only. */
  readonly url: string
  readonly state: 'open' | 'merged' | 'closed'
  /** Head of its branch, as far as the host knows. */
  readonly commit: string
}

/** From `branch` into `base`, both without refs/heads/. */
export interface Direction {
  readonly branch: string
  readonly base: string
}

export interface Proposal extends Direction {
  readonly title: string
  readonly body: string
  /** Head of `branch`: what is merged by the host may be nothing else. */
  readonly commit: string
  /** Ask the host to merge it as soon as its rules are met. */
  readonly autoMerge: boolean
}

export interface CommitStatus {
  readonly commit: string
  readonly state: 'pending' | 'success' | 'failure'
  /** One sentence; cut to what the host takes. */
  readonly description: string
  /** Which status of the commit, such as sluice/shop.checkout. */
  readonly context: string
  readonly url?: string | undefined
}

export interface HostCommit {
  readonly branch: string
  /** Head that the branch must have, or nothing is written. */
  readonly expected: string
  readonly message: string
  /** New texts by path. */
  readonly files: ReadonlyMap<string, string>
}

/** Every method rejects with `HostError`, whose message may be shown. */
export interface GitHost {
  /** The newest pull request in this direction, whatever became of it. */
  find(direction: Direction): Promise<PullRequest | null>
  /** Opens a pull request, or brings the open one up to date. Doing it twice is doing it once. */
  propose(proposal: Proposal): Promise<PullRequest>
  /**
   * A commit that the host makes, and signs in the name of the token; gives its id. Only where the host compares the
   * head. Rejects when it is another one, or a rule forbids it: the branch tells which.
   *
   * GitHub compares (`expectedHeadOid`). GitLab compares the last commit of each file that a commit names
   * (`last_commit_id`), and with `start_sha` writes a new branch or, by `force`, over one; Gitea and Forgejo compare
   * the blob of each file (`sha`). What another file of the branch says by then, such as a release that was taken
   * out, they do not look at: to them our own commits are pushed, which fast-forward or fail.
   */
  commit?(commit: HostCommit): Promise<string>
  /** Shows a state beside a commit. */
  report(status: CommitStatus): Promise<void>
}

export const hostKinds = ['github', 'gitlab', 'gitea'] as const
export type HostKind = (typeof hostKinds)[number]

export interface HostOptions {
  readonly kind: HostKind
  /** URL of the repository, as in the GitSource. */
  readonly repository: string
  /** Project at the host, such as team/name; without it the path of the repository. */
  readonly project?: string | undefined
  /** Address of the API; without it the usual one of the host of the repository. */
  readonly api?: string | undefined
  /** File with a token; read for each request, because tokens rotate. */
  readonly tokenFile: string
  readonly timeoutMs?: number | undefined
}

export interface HostModule {
  /** Address of the API for a host name. */
  readonly api: (hostName: string) => string
  /** Name of the header with the token, and its value. */
  readonly authorization: (token: string) => readonly [string, string]
  readonly open: (client: HostClient, project: string) => GitHost
}
