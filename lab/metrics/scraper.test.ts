import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { describe, test } from 'node:test'
import { parseExposition } from './exposition.ts'
import { createScraper, type Target } from './scraper.ts'
import { createSeriesStore } from './series.ts'

describe('the text format', () => {
  for (const [line, labels, value, timeMs] of [
    ['up 1', { __name__: 'up' }, 1, null],
    ['a:b_total{} 1e3 1700000000000', { __name__: 'a:b_total' }, 1000, 1_700_000_000_000],
    ['a{b="c", d="e",} +Inf', { __name__: 'a', b: 'c', d: 'e' }, Number.POSITIVE_INFINITY, null],
    ['a { b = "c" }\tNaN', { __name__: 'a', b: 'c' }, Number.NaN, null],
    ['a{b="q\\"\\\\\\n}"} -1.5', { __name__: 'a', b: 'q"\\\n}' }, -1.5, null],
  ] as const) {
    test(`is read: ${line}`, () => {
      assert.deepEqual(parseExposition(`# HELP up x\n# TYPE up gauge\n\n${line}\r\n`), [
        { labels, value, timeMs },
      ])
    })
  }

  for (const line of [
    '{a="b"} 1',
    'a{b="c" 1',
    'a{b=c} 1',
    'a one',
    'a 1 2 3',
    'a 1 soon',
    'a',
    '1 2',
  ]) {
    test(`is refused with the number of the line: ${line}`, () => {
      assert.throws(() => parseExposition(`up 1\n${line}`), /^Error: line 2 is not a sample/)
    })
  }
})

describe('a scrape', () => {
  test('labels what it finds, and marks as vanished what it no longer finds', async () => {
    let exposed: string | null = 'a{job="mine",x="1"} 5\nb 6\n'
    const server = createServer((_, response) => {
      response.statusCode = exposed === null ? 500 : 200
      response.end(exposed ?? '')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const instance = `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
    let targets: Target[] = [{ url: `http://${instance}/metrics`, labels: { pod: 'p' } }]
    const store = createSeriesStore()
    const scraper = createScraper({ targets: () => targets, store, timeoutMs: 1_000 })
    const identity = { job: 'lab', instance, pod: 'p' }

    await scraper.scrape(1)
    exposed = 'b 7\n'
    await scraper.scrape(2)
    exposed = null
    await scraper.scrape(3)
    targets = []
    await scraper.scrape(4)
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))

    const found = [...store.select(null)].map(({ labels, timesMs, values }) => {
      return { labels, points: timesMs.map((time, i) => [time, values[i]]) }
    })
    assert.deepEqual(found, [
      {
        labels: { __name__: 'a', ...identity, exported_job: 'mine', x: '1' },
        points: [
          [1, 5],
          [2, null],
        ],
      },
      {
        labels: { __name__: 'b', ...identity },
        points: [
          [1, 6],
          [2, 7],
          [3, null],
        ],
      },
      {
        labels: { __name__: 'up', ...identity },
        points: [
          [1, 1],
          [2, 1],
          [3, 0],
          [4, null],
        ],
      },
    ])
  })
})
