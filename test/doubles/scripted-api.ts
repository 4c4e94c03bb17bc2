// Lists and watches of one kind, answered by a script in virtual time; what is asked goes to a log.
import {
  ApiError,
  type KubeApi,
  type KubeObject,
  type ListQuery,
  type WatchEvent,
} from '../../kube/api.ts'
import type { VirtualClock } from './clock.ts'

/** `a1@5`: object a with uid a1 at version 5. */
export function object(text: string): KubeObject {
  const [uid = '', resourceVersion = ''] = text.split('@')
  const metadata = { name: uid.slice(0, 1), namespace: 'shop', uid, resourceVersion }
  return { apiVersion: 'sluice.dev/v1alpha1', kind: 'Rollout', metadata }
}

export const page = (items: string, resourceVersion: string, token?: string) => ({
  items: items.split(' ').filter(Boolean).map(object),
  resourceVersion,
  continue: token,
})
export const failure = (code: number, retryAfterMs?: number) =>
  new ApiError(
    { code, reason: code === 410 ? 'Expired' : 'Any', message: `status ${code}` },
    retryAfterMs === undefined ? undefined : { retryAfterMs },
  )

export type List = ReturnType<typeof page> | ApiError
/** Words: `+a1@5` added, `~` modified, `-` deleted, `=9` bookmark, `!410` error event, `#reset`, `…` stays. */
export interface Script {
  readonly lists: List[]
  readonly watches: string[]
}

/** Lists fail with 500 when the script is at its end, and watches stay open. */
export function scriptedApi(
  { lists, watches }: Script,
  clock: VirtualClock,
  log: string[],
): KubeApi {
  const at = () => `${clock.monotonic() / 1000}s`
  const take = <T>(script: T[], fallback: T): T => script.shift() ?? fallback
  return {
    async list(_: unknown, query: ListQuery) {
      log.push(`${at()} list${query.continue ? ` from ${query.continue}` : ''}`)
      const answer = take(lists, failure(500))
      if (answer instanceof ApiError) throw answer
      return answer
    },
    async *watch(_: unknown, query: ListQuery, signal: AbortSignal): AsyncGenerator<WatchEvent> {
      log.push(`${at()} watch from ${query.resourceVersion}`)
      for (const word of take(watches, '…').split(' ').filter(Boolean)) {
        if (word === '…') await clock.sleep(1e9, signal)
        else if (word.startsWith('wait')) await clock.sleep(Number(word.slice(4)) * 1000, signal)
        else if (word === '#reset') throw failure(0)
        else if (word.startsWith('#')) throw failure(Number(word.slice(1)))
        else yield event(word)
      }
    },
  } as unknown as KubeApi
}

function event(word: string): WatchEvent {
  const rest = word.slice(1)
  if (word.startsWith('=')) return { type: 'BOOKMARK', object: object(`@${rest}`) }
  if (word.startsWith('!')) {
    const code = Number(rest)
    return { type: 'ERROR', status: { code, reason: 'Any', message: 'told' } }
  }
  const type = word.startsWith('+') ? 'ADDED' : word.startsWith('~') ? 'MODIFIED' : 'DELETED'
  return { type, object: object(rest) }
}
