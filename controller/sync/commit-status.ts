// What came of reading a commit in; the same beside the commit at its host out, once for each news.
import type { CommitStatus, GitHost } from '../../git/hosts/host.ts'
import { HostError } from '../../git/hosts/http.ts'

export interface ReadCommit {
  readonly commit: string
  readonly isWell: boolean
  /** One sentence, with the place of the first error. */
  readonly message: string
}

/** Rejects with `HostError` when the host did not take it; it is told again at the next look, if that may help. */
export type TellHost = (read: ReadCommit) => Promise<void>

export function createCommitStatus(
  host: Pick<GitHost, 'report'> | undefined,
  context: string,
): TellHost {
  let told = ''
  return async ({ commit, isWell, message }) => {
    const state: CommitStatus['state'] = isWell ? 'success' : 'failure'
    const news = `${commit} ${state} ${message}`
    if (!host || told === news) return
    told = news
    try {
      await host.report({ commit, state, description: message, context })
    } catch (error) {
      if (!(error instanceof HostError) || error.reason === 'later') told = ''
      throw error
    }
  }
}
