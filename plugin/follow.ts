// A collection of the API server in, every change of it out: a list, then a watch, over again when that ends.
import type { KubeClient } from './cluster/kube-client.ts'
import { ApiRefusal, Failure } from './failure.ts'
import type { World } from './invocation.ts'
import { type Json, list, number, record, text } from './json.ts'

export type Change =
  /** All there is now; what was known before counts no more. */
  | { readonly kind: 'listed'; readonly items: readonly Json[] }
  | { readonly kind: 'changed'; readonly item: Json }
  | { readonly kind: 'gone'; readonly item: Json }
  /** The server cannot be asked now; it is tried again. */
  | { readonly kind: 'lost'; readonly because: string }

export interface Followed {
  readonly client: KubeClient
  readonly path: string
  readonly parameters: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  readonly sleep: World['sleep']
}

const watchSeconds = 290
const patience = { firstMs: 500, mostMs: 3_000 }

/**
 * Ends with the signal. The first list fails as any request does; later only a refusal of who asks ends it,
 * because a server that is gone for a while is no reason to stop looking.
 */
export async function* follow(followed: Followed): AsyncGenerator<Change> {
  const { client, path, parameters, signal, sleep } = followed
  let isFirst = true
  let waitMs = patience.firstMs
  while (!signal.aborted) {
    try {
      const found = await client.list(path, parameters)
      isFirst = false
      yield { kind: 'listed', items: list(found['items']).map(record) }
      for await (const change of watchFrom(followed, versionOf(found))) {
        waitMs = patience.firstMs
        yield change
      }
    } catch (error) {
      if (!(error instanceof Failure) || isFirst || isFinal(error)) throw error
      yield { kind: 'lost', because: error.message }
    }
    await sleep(waitMs, signal)
    waitMs = Math.min(patience.mostMs, waitMs * 2)
  }
}

/** Ends when the server has forgotten what comes next, so that a list is due. */
async function* watchFrom(
  { client, path, parameters, signal }: Followed,
  from: string,
): AsyncGenerator<Change> {
  let resourceVersion = from
  while (!signal.aborted) {
    let isQuiet = true
    const question = {
      path,
      parameters: {
        ...parameters,
        watch: 'true',
        allowWatchBookmarks: 'true',
        timeoutSeconds: String(watchSeconds),
        resourceVersion,
      },
    }
    for await (const event of client.watch(question, signal)) {
      isQuiet = false
      const item = record(event['object'])
      if (event['type'] === 'ERROR') {
        if (number(item['code']) === 410) return
        throw new Failure(text(item['message']) ?? 'the server ended the watch with an error')
      }
      resourceVersion = versionOf(item) || resourceVersion
      if (event['type'] === 'BOOKMARK') continue
      yield { kind: event['type'] === 'DELETED' ? 'gone' : 'changed', item }
    }
    // A watch that ends at once would otherwise be asked for without a pause.
    if (isQuiet) return
  }
}

function versionOf(object: Json): string {
  return text(record(object['metadata'])['resourceVersion']) ?? ''
}

function isFinal(error: Failure): boolean {
  return error instanceof ApiRefusal && [401, 403, 404].includes(error.code)
}
