import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configMap, configMaps, widget, widgets, withServer } from './testing.ts'

const merge = 'application/merge-patch+json'

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

test('a watch from now begins with what is there, then tells what happens', () =>
  withServer(async ({ server, send }) => {
    await send('POST', configMaps, configMap('a'))
    const seen = await watch(`${server.url}${configMaps}?watch=1`, 4, async () => {
      await send('PATCH', `${configMaps}/a`, { data: { x: 'y' } }, merge)
      await send('POST', configMaps, configMap('b'))
      await send('DELETE', `${configMaps}/a`)
    })
    assert.deepEqual(story(seen), ['ADDED a', 'MODIFIED a', 'ADDED b', 'DELETED a'])
    const versions = seen.map(({ object }) => Number(object.metadata.resourceVersion))
    assert.deepEqual(
      versions,
      [...versions].sort((a, b) => a - b),
    )
  }))

test('a watch from a revision replays what it missed, in its namespace only', () =>
  withServer(async ({ server, send }) => {
    const { resourceVersion } = (await send('GET', configMaps)).body.metadata
    await send('POST', '/api/v1/namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'x' },
    })
    await send('POST', '/api/v1/namespaces/x/configmaps', configMap('other'))
    await send('POST', configMaps, configMap('a'))
    const url = `${server.url}${configMaps}?watch=true&resourceVersion=${resourceVersion}`
    assert.deepEqual(story(await watch(url, 1)), ['ADDED a'])
  }))

test('an object that comes into a selection is added, one that leaves it is deleted', () =>
  withServer(async ({ server, send }) => {
    await send('POST', configMaps, configMap('a'))
    const label = (tier: string | null) =>
      send('PATCH', `${configMaps}/a`, { metadata: { labels: { tier } } }, merge)
    const seen = await watch(
      `${server.url}${configMaps}?watch=1&labelSelector=tier`,
      3,
      async () => {
        await label('gold')
        await label('silver')
        await label(null)
      },
    )
    assert.deepEqual(story(seen), ['ADDED a', 'MODIFIED a', 'DELETED a'])
  }))

test('a watch from before the history is told 410 as an event', () =>
  withServer(async ({ server, send }) => {
    await send('POST', configMaps, configMap('a'))
    server.compact()
    const [event] = await watch(`${server.url}${configMaps}?watch=1&resourceVersion=1`, 1)
    assert.deepEqual(
      [event?.type, event?.object.code, event?.object.reason],
      ['ERROR', 410, 'Expired'],
    )
  }))

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

test('a streamed list ends with a bookmark that says so', () =>
  withServer(async ({ server, send }) => {
    await send('POST', configMaps, configMap('a'))
    const query =
      'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
    const [, end] = await watch(`${server.url}${configMaps}?${query}`, 2)
    assert.deepEqual(end?.object.metadata.annotations, { 'k8s.io/initial-events-end': 'true' })
  }))

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
