// The last words of git in; what a person has to change, or wait for, out. Words only choose the sentence:
// what to do next is decided by asking the remote, never by them (pure).
import { GitError } from './command.ts'

/** What a person has to change, or wait for. The message is safe to show. */
export class MirrorError extends Error {
  readonly reason:
    | 'unreachable'
    | 'refused'
    | 'repository-missing'
    | 'branch-missing'
    | 'unsigned'
    | 'paused'
    | 'other'
  constructor(reason: MirrorError['reason'], message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'MirrorError'
    this.reason = reason
  }
}

export function timedOut(cause: GitError): MirrorError {
  return new MirrorError('unreachable', 'the repository did not answer before the deadline', cause)
}

/** Nobody refused anything: it is asked again later. */
export function unanswered(words: string): MirrorError {
  return new MirrorError('unreachable', `the host did not answer the push: ${words}`)
}

export function remoteError(error: unknown): unknown {
  if (!(error instanceof GitError)) return error
  if (error.reason === 'deadline') return timedOut(error)
  const reason = reasons.find(([pattern]) => pattern.test(error.words))?.[1] ?? 'other'
  const sentence = {
    unreachable: 'the host of the repository can not be reached',
    refused: 'the host refused the credentials',
    'repository-missing': 'there is no repository at this URL, or these credentials may not see it',
    'branch-missing': 'the branch is missing',
    unsigned: 'a commit is not signed as it must be',
    paused: 'writing is paused',
    other: 'the repository can not be read',
  }[reason]
  return new MirrorError(reason, `${sentence}: ${error.words}`, error)
}

const reasons: readonly (readonly [RegExp, MirrorError['reason']])[] = [
  [
    /could not resolve|connection (refused|timed out|reset)|failed to connect|unable to connect|no route|recv error|early eof|unexpected disconnect|returned error: (429|5\d\d)|HTTP (429|5\d\d)/i,
    'unreachable',
  ],
  [
    /authentication failed|permission denied|could not read (username|password)|host key|\b403\b/i,
    'refused',
  ],
  [/not found|does not exist|not appear to be a git repository|no such/i, 'repository-missing'],
]
