// The contract of watches: order, replay, selections, bookmarks, expiry and end.
import assert from 'node:assert/strict'
import type { Case } from '../api-server.ts'
import { type Seen, widget } from './client.ts'

const story = (seen: readonly Seen[]) =>
  seen.map(({ type, object }) => `${type} ${object.metadata?.name}`)

const streamed =
  'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'

export const watching: readonly Case[] = [
  [
    'a watch from now begins with what is there, then tells what happens, in order',
    async ({ send, merge, watch, widgets }) => {
      await send('POST', widgets, widget('a'))
      const seen = await watch(`${widgets}?watch=1`, 4, async () => {
        await merge(`${widgets}/a`, { spec: { mode: 'fast' } })
        await send('POST', widgets, widget('b'))
        await send('DELETE', `${widgets}/a`)
      })
      assert.deepEqual(story(seen), ['ADDED a', 'MODIFIED a', 'ADDED b', 'DELETED a'])
      const versions = seen.map(({ object }) => Number(object.metadata.resourceVersion))
      assert.deepEqual(
        versions,
        [...versions].sort((a, b) => a - b),
      )
    },
  ],
  [
    'a watch from a revision replays what it missed, in its namespace only',
    async ({ get, send, watch, widgets }) => {
      const { resourceVersion } = (await get(widgets)).body.metadata
      await send('POST', '/apis/test.dev/v1/namespaces/default/widgets', widget('other'))
      await send('POST', widgets, widget('a'))
      const query = `watch=true&resourceVersion=${resourceVersion}`
      assert.deepEqual(story(await watch(`${widgets}?${query}`, 1)), ['ADDED a'])
      await send('DELETE', '/apis/test.dev/v1/namespaces/default/widgets/other')
    },
  ],
  [
    'an object that comes into a selection is added, one that leaves it is deleted',
    async ({ send, merge, watch, widgets }) => {
      await send('POST', widgets, widget('a'))
      const label = (tier: string | null) =>
        merge(`${widgets}/a`, { metadata: { labels: { tier } } })
      const seen = await watch(`${widgets}?watch=1&labelSelector=tier`, 3, async () => {
        await label('gold')
        await label('silver')
        await label(null)
      })
      assert.deepEqual(story(seen), ['ADDED a', 'MODIFIED a', 'DELETED a'])
    },
  ],
  [
    'the last event of an object carries the revision of its end, not of its last change',
    async ({ send, watch, widgets }) => {
      const { metadata } = (await send('POST', widgets, widget('a'))).body
      const query = `watch=1&resourceVersion=${metadata.resourceVersion}`
      const [end] = await watch(`${widgets}?${query}`, 1, () => send('DELETE', `${widgets}/a`))
      assert.equal(end?.type, 'DELETED')
      assert.ok(BigInt(end.object.metadata.resourceVersion) > BigInt(metadata.resourceVersion))
    },
  ],
  [
    'a watch from before the history is told 410 as an event',
    async ({ send, watch, widgets, subject }) => {
      await send('POST', widgets, widget('a'))
      await subject.compact()
      const [event] = await watch(`${widgets}?watch=1&resourceVersion=1`, 1)
      const { type, object } = event ?? {}
      assert.deepEqual([type, object?.kind, object?.code], ['ERROR', 'Status', 410])
      assert.equal(object?.reason, 'Expired')
    },
  ],
  [
    'a streamed list ends with a bookmark that says so and carries the revision',
    async ({ send, watch, widgets }) => {
      const { metadata } = (await send('POST', widgets, widget('a'))).body
      const [first, end] = await watch(`${widgets}?${streamed}`, 2)
      assert.deepEqual([first?.type, end?.type], ['ADDED', 'BOOKMARK'])
      assert.deepEqual([end?.object.kind, end?.object.apiVersion], ['Widget', 'test.dev/v1'])
      assert.deepEqual(end?.object.metadata.annotations, { 'k8s.io/initial-events-end': 'true' })
      const { resourceVersion } = end.object.metadata
      assert.ok(BigInt(resourceVersion) >= BigInt(metadata.resourceVersion))
    },
  ],
  [
    'a watch may go on from a bookmark',
    async ({ send, watch, widgets }) => {
      await send('POST', widgets, widget('a'))
      const [, end] = await watch(`${widgets}?${streamed}`, 2)
      const query = `watch=1&resourceVersion=${end?.object.metadata.resourceVersion}`
      const seen = await watch(`${widgets}?${query}`, 1, () => send('POST', widgets, widget('b')))
      assert.deepEqual(story(seen), ['ADDED b'])
    },
  ],
  [
    'a watch ends after its timeout',
    async ({ watch, widgets }) => {
      assert.deepEqual(await watch(`${widgets}?watch=1&timeoutSeconds=1`, 1), [])
    },
  ],
  [
    'one object is watched by its name',
    async ({ send, watch, widgets }) => {
      await send('POST', widgets, widget('a'))
      await send('POST', widgets, widget('b'))
      const query = 'watch=1&fieldSelector=metadata.name%3Db&timeoutSeconds=5'
      assert.deepEqual(story(await watch(`${widgets}?${query}`, 1)), ['ADDED b'])
    },
  ],
]
