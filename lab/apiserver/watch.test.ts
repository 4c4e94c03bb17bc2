// What the contract of an API server does not state: the pace of bookmarks, and what ends watches here.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configMaps, widget, widgets, withServer } from './testing.ts'

interface Seen {
  readonly type: string
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever the server sends
  readonly object: any
}

/** The first `count` events of a watch; fewer when the server ends it. */
async function watch(url: string, count: number, ready?: () => Promise<unknown>): Promise<Seen[]> {
  const abort = new AbortController()
  const response = await fetch(url, { signal: abort.signal })
  await ready?.()
  const seen: Seen[] = []
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    seen.push(...lines.map((line): Seen => JSON.parse(line)))
    if (seen.length >= count) break
  }
  abort.abort()
  return seen
}

const story = (seen: readonly Seen[]) =>
  seen.map(({ type, object }) => `${type} ${object.metadata?.name}`)

test('bookmarks come to those who ask, with the current revision', () =>
  withServer(
    async ({ server }) => {
      const [event] = await watch(`${server.url}${configMaps}?watch=1&allowWatchBookmarks=true`, 1)
      assert.equal(event?.type, 'BOOKMARK')
      assert.equal(event?.object.kind, 'ConfigMap')
      assert.equal(event?.object.metadata.resourceVersion, String(server.store.revision()))
    },
    { bookmarkIntervalMs: 10 },
  ))

test('a watch ends after its timeout and is not kept', () =>
  withServer(async ({ server }) => {
    assert.deepEqual(await watch(`${server.url}${configMaps}?watch=1&timeoutSeconds=1`, 1), [])
    assert.equal(server.watchCount(), 0)
  }))

test('a watch of a kind ends with its definition, after the last deletions', () =>
  withServer(async ({ server, send }) => {
    await send('POST', widgets, widget('a'))
    const seen = await watch(`${server.url}${widgets}?watch=1`, 9, () =>
      send('DELETE', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.test.dev'),
    )
    assert.deepEqual(story(seen), ['ADDED a', 'DELETED a'])
  }))
