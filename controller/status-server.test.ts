// Requests to the port of metrics and health, well-formed and not, against the server itself.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { Registry } from 'prom-client'
import { systemClock } from '../kube/clock.ts'
import { serveStatus } from './status-server.ts'

const requests = [
  { line: 'GET /healthz', status: 200 },
  { line: 'GET /readyz?verbose', status: 503 },
  { line: 'GET /metrics', status: 200 },
  { line: 'POST /metrics', status: 405 },
  { line: 'GET /', status: 404 },
  { line: 'GET //', status: 404 },
  { line: 'GET http://[', status: 404 },
  { line: 'GET constructor', status: 400 },
  { line: 'GET /%', status: 404 },
]

test('no request to the port of metrics and health ends the controller', async (t) => {
  const loop = { busySince: () => null, isSynced: () => false }
  const options = { host: '127.0.0.1', port: 0, registry: new Registry(), clock: systemClock }
  const server = await serveStatus({ ...options, loop })
  t.after(() => server.close())
  for (const { line, status } of requests) {
    assert.match(await answerTo(server.url, line), new RegExp(`^HTTP/1.1 ${status} `), line)
  }
})

test('metrics that can not be told are an answer, too', async (t) => {
  const registry = new Registry()
  registry.metrics = () => Promise.reject(new Error('a gauge failed'))
  const loop = { busySince: () => null, isSynced: () => true }
  const server = await serveStatus({
    ...{ host: '127.0.0.1', port: 0, registry, loop, clock: systemClock },
  })
  t.after(() => server.close())
  assert.match(await answerTo(server.url, 'GET /metrics'), /^HTTP\/1.1 500 /)
})

async function answerTo(url: string, line: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write(`${line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
  const [answer] = await once(socket.setEncoding('utf8'), 'data')
  socket.destroy()
  return String(answer)
}
