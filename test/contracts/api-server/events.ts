// The contract of events: one object in two versions, and what each version asks of a new one.
import assert from 'node:assert/strict'
import type { Case } from '../api-server.ts'
import type { World } from './client.ts'

const elsewhere = { kind: 'ConfigMap', name: 'a', namespace: 'elsewhere', apiVersion: 'v1' }
const oldEvent = { apiVersion: 'v1', kind: 'Event', metadata: { name: 'e' } }
const event = {
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  metadata: { name: 'e' },
  eventTime: '2026-01-01T12:00:00.000000Z',
  reportingController: 'sluice.dev/test',
  reportingInstance: 'one',
  action: 'Test',
  reason: 'Tested',
  type: 'Normal',
  note: 'it is so',
  regarding: elsewhere,
}
const eventsOf = ({ namespace }: World, version: string) =>
  `/${version}/namespaces/${namespace}/events`

const refusals: readonly [name: string, version: string, body: object][] = [
  [
    'without time, elsewhere than what it regards',
    'api/v1',
    { ...oldEvent, involvedObject: elsewhere },
  ],
  ['that does not say what was done', 'apis/events.k8s.io/v1', { ...event, action: '' }],
  ['with a note that is too long', 'apis/events.k8s.io/v1', { ...event, note: 'x'.repeat(1_025) }],
  ['without time', 'apis/events.k8s.io/v1', { ...event, eventTime: undefined }],
]

export const events: readonly Case[] = [
  [
    'an event is one object in both of its versions',
    async (world) => {
      const newer = eventsOf(world, 'apis/events.k8s.io/v1')
      const regarding = { ...elsewhere, namespace: world.namespace }
      const { code, body } = await world.send('POST', newer, { ...event, regarding })
      assert.equal(code, 201, body.message)
      const query = 'fieldSelector=involvedObject.name%3Da'
      const { items } = (await world.get(`${eventsOf(world, 'api/v1')}?${query}`)).body
      assert.deepEqual([items[0].message, items[0].involvedObject], ['it is so', regarding])
      assert.equal((await world.get(`${newer}/e`)).body.note, 'it is so')
    },
  ],
  [
    'an event may regard what lives in another namespace',
    async (world) => {
      const path = eventsOf(world, 'apis/events.k8s.io/v1')
      const { code, body } = await world.send('POST', path, event)
      assert.equal(code, 201, body.message)
    },
  ],
  ...refusals.map(
    ([name, version, body]): Case => [
      `an event ${name} is refused`,
      async (world) => {
        const reply = await world.send('POST', eventsOf(world, version), body)
        assert.deepEqual([reply.code, reply.body.reason], [422, 'Invalid'], reply.body.message)
      },
    ],
  ),
]
