import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { systemClock } from '../../kube/clock.ts'
import { closeServer, listenOnLoopback } from '../loopback.ts'
import { startLoad } from './start.ts'

test('the load ends by itself and has counted what was answered', async () => {
  const answered = { fine: 0, bad: 0 }
  const server = createServer((request, response) => {
    const isFine = request.headers.host === 'fine'
    answered[isFine ? 'fine' : 'bad'] += 1
    const headers = { 'x-revision': 'r1', 'x-pod': 'p1' }
    response.writeHead(isFine ? 200 : 503, isFine ? headers : {}).end()
  })
  const url = await listenOnLoopback(server)
  const hosts = ['fine', 'bad'].map((host) => ({ host, requestsPerSecond: 200 }))
  const load = startLoad({ url, hosts, clock: systemClock, longestMs: 200 })
  await load.stopped
  await closeServer(server)
  const { byRevision, byHost, underWay } = load.snapshot()
  assert.equal(underWay, 0)
  assert.deepEqual(byHost, {
    fine: { requests: answered.fine, failed: 0 },
    bad: { requests: answered.bad, failed: answered.bad },
  })
  assert.ok(answered.fine > 0)
  assert.deepEqual(byRevision['r1']?.byPod, { p1: { requests: answered.fine, failed: 0 } })
  assert.equal(byRevision['unknown']?.failed, answered.bad)
})

test('a load that reaches nobody counts errors', async () => {
  const hosts = [{ host: 'nobody', requestsPerSecond: 100 }]
  const load = startLoad({ url: 'http://127.0.0.1:1', hosts, clock: systemClock, longestMs: 100 })
  await load.stopped
  const { requests, failed } = load.snapshot()
  assert.ok(requests > 0)
  assert.equal(failed, requests)
})
