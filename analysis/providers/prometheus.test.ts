import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { ProviderError } from '../provider.ts'
import { type PrometheusOptions, prometheusProvider } from './prometheus.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

const json = (body: unknown, status = 200): Handler => {
  return (_, response) => {
    response.writeHead(status, { 'Content-Type': 'application/json' })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }
}
const success = (data: unknown, rest: object = {}) => json({ status: 'success', data, ...rest })
const vector = (...values: string[]) => ({
  resultType: 'vector',
  result: values.map((value, i) => ({ metric: { i: `${i}` }, value: [12.5, value] })),
})

/** Runs a provider against a server that answers so. */
async function withServer<T>(
  handler: Handler,
  options: Partial<PrometheusOptions>,
  use: (provider: ReturnType<typeof prometheusProvider>, host: string) => Promise<T>,
): Promise<T> {
  const server = createServer(handler)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  const host = `127.0.0.1:${port}`
  const provider = prometheusProvider({ url: `http://${host}`, ...options })
  try {
    return await use(provider, host)
  } finally {
    provider.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

describe('a good answer', () => {
  for (const [name, data, expected] of [
    [
      'a scalar',
      { resultType: 'scalar', result: [12.5, '3'] },
      [{ labels: {}, value: 3, atMs: 12_500 }],
    ],
    ['a vector', vector('1.5'), [{ labels: { i: '0' }, value: 1.5, atMs: 12_500 }]],
    ['an empty vector', vector(), []],
    [
      'what is no number',
      vector('NaN', '+Inf', '-Inf'),
      [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((value, i) => ({
        labels: { i: `${i}` },
        value,
        atMs: 12_500,
      })),
    ],
  ] as const) {
    test(`is read: ${name}`, async () => {
      await withServer(success(data), {}, async (provider) => {
        assert.deepEqual(await provider.query('q', 12_500), expected)
      })
    })
  }

  test('is read as it was scraped: a matrix, also of what is no number', async () => {
    const values = [
      [12.5, '3'],
      [27.5, 'NaN'],
    ]
    const matrix = {
      resultType: 'matrix',
      result: [{ metric: { i: '0' }, values }, { metric: {} }],
    }
    await withServer(success(matrix), {}, async (provider) => {
      assert.deepEqual(await provider.raw('q[1m]', 30_000), [
        {
          labels: { i: '0' },
          samples: [
            { atMs: 12_500, value: 3 },
            { atMs: 27_500, value: Number.NaN },
          ],
        },
        { labels: {}, samples: [] },
      ])
    })
  })

  test('is refused as raw samples where it is none, or its points are no points', async () => {
    const broken = { resultType: 'matrix', result: [{ metric: {}, values: [[12.5, 3]] }] }
    for (const [data, message] of [
      [vector('1'), 'the query gives a vector where a range is needed'],
      [broken, 'the query gives points that are no time with a value'],
    ] as const) {
      await withServer(success(data), {}, async (provider) => {
        await assert.rejects(provider.raw('q[1m]', 30_000), { message, isAboutQuery: true })
      })
    }
  })

  test('is asked for by form, at a time, with the token, compressed only where it is large', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sluice-token-'))
    const bearerTokenFile = join(directory, 'token')
    await writeFile(bearerTokenFile, 'secret-token\n')
    const seen: unknown[] = []
    const handler: Handler = (request, response) => {
      let body = ''
      request.on('data', (chunk) => {
        body += chunk
      })
      request.on('end', () => {
        const { authorization, 'accept-encoding': encoding } = request.headers
        seen.push([request.method, request.url, encoding, authorization, body])
        response.setHeader('Content-Type', 'application/json')
        response.setHeader('Content-Encoding', 'gzip')
        response.end(gzipSync(JSON.stringify({ status: 'success', data: vector('1') })))
      })
    }
    await withServer(handler, { bearerTokenFile }, async (provider) => {
      await provider.query('up{a="b"}', 1_700_000_000_250)
      assert.equal((await provider.query('up', 0, 'grouped')).length, 1)
    })
    await rm(directory, { recursive: true })
    const path = '/api/v1/query'
    assert.deepEqual(seen, [
      [
        'POST',
        path,
        'identity',
        'Bearer secret-token',
        'query=up%7Ba%3D%22b%22%7D&time=1700000000.250&timeout=10000ms',
      ],
      ['POST', path, 'gzip', 'Bearer secret-token', 'query=up&time=0.000&timeout=10000ms'],
    ])
  })
})

describe('a bad answer', () => {
  const huge: Handler = (_, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json' })
    response.end('x'.repeat(20_000))
  }
  const bomb: Handler = (_, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' })
    response.end(gzipSync('x'.repeat(1_000_000)))
  }
  const drip: Handler = (_, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json' })
    const timer = setInterval(() => response.write(' '), 20)
    response.on('close', () => clearInterval(timer))
  }
  const html: Handler = (_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' })
    response.end('<html>Sign in</html>')
  }
  const redirect: Handler = (_, response) => {
    response.writeHead(302, { Location: 'http://169.254.169.254/' })
    response.end()
  }
  for (const [name, handler, isAboutQuery, message] of [
    [
      'HTML with status 200',
      html,
      false,
      'HOST does not speak the Prometheus API (text/html): check the address',
    ],
    [
      'no JSON',
      json('{"status":"succ'),
      false,
      'HOST does not speak the Prometheus API (application/json): check the address',
    ],
    [
      'another JSON',
      json({ status: 'success', data: { resultType: 'vector', result: [{}] } }),
      false,
      'HOST does not speak the Prometheus API (application/json): check the address',
    ],
    ['status 500', json('oops', 500), false, 'HOST answers status 500'],
    ['status 401', json('who?', 401), false, 'HOST refuses access (401): check its credentials'],
    ['a redirect', redirect, false, 'HOST redirects (302): set the address it redirects to'],
    [
      'a refused query',
      json({ status: 'error', errorType: 'bad_data', error: 'parse error' }, 400),
      true,
      'HOST answers bad_data: parse error',
    ],
    [
      'a query that took too long',
      json({ status: 'error', errorType: 'timeout', error: 'query timed out' }, 503),
      true,
      'HOST answers timeout: query timed out',
    ],
    [
      'one that has too much to do',
      json({ status: 'error', errorType: 'too_many_requests', error: 'slow down' }, 429),
      false,
      'HOST answers too_many_requests: slow down',
    ],
    [
      'a series that comes twice',
      success({
        resultType: 'vector',
        result: [1, 2].map((n) => ({ metric: { a: 'b' }, value: [n, '1'] })),
      }),
      true,
      'the answer has a series twice: {"a":"b"}',
    ],
    [
      'one that is not compressed as it says',
      (_, response) => {
        response.writeHead(200, { 'Content-Encoding': 'gzip' })
        response.end('garbage')
      },
      false,
      'HOST answers what can not be read (Z_DATA_ERROR): check the address',
    ],
    [
      'warnings',
      success(vector('1'), { warnings: ['store down'] }),
      true,
      'HOST answers in part only: store down',
    ],
    [
      '100 MB',
      (_, response) => {
        response.writeHead(200, { 'Content-Type': 'application/json' })
        let left = 100
        const more = () => {
          while (left > 0 && response.write('x'.repeat(1024 * 1024))) left -= 1
          if (left > 0) response.once('drain', more)
        }
        more()
      },
      true,
      'HOST answers more than 10000 bytes: select less',
    ],
    [
      'a matrix',
      success({ resultType: 'matrix', result: [] }),
      true,
      'the query gives a matrix where one number is needed',
    ],
    [
      'a string',
      success({ resultType: 'string', result: [1, 'a'] }),
      true,
      'the query gives a string where one number is needed',
    ],
    ['a huge answer', huge, true, 'HOST answers more than 10000 bytes: select less'],
    ['a huge answer, compressed', bomb, true, 'HOST answers more than 10000 bytes: select less'],
    ['silence', () => {}, false, 'HOST did not answer within 0.15s'],
    ['an endless drip', drip, false, 'HOST did not answer within 0.15s'],
    [
      'a closed connection',
      (request) => request.socket.destroy(),
      false,
      'HOST can not be reached (ECONNRESET): check the address and its network',
    ],
  ] satisfies readonly (readonly [string, Handler, boolean, string])[]) {
    test(`is an error that says what to do: ${name}`, async () => {
      const limits = { timeoutMs: 150, maxResponseBytes: 10_000 }
      await withServer(handler, limits, async (provider, host) => {
        const error = await provider.query('q', 0, 'grouped').catch((caught: unknown) => caught)
        assert.ok(error instanceof ProviderError)
        assert.deepEqual(
          [error.message.replace(host, 'HOST'), error.isAboutQuery],
          [message, isAboutQuery],
        )
      })
    })
  }

  test('is no hint that a name is unusual for a counter', async () => {
    const warnings = ['PromQL info: metric might not be a counter: "requests" (1:5)']
    await withServer(success(vector('1'), { warnings }), {}, async (provider) => {
      assert.equal((await provider.query('q', 0)).length, 1)
    })
  })

  test('never shows the token, not even in the cause of an error', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sluice-token-'))
    const bearerTokenFile = join(directory, 'token')
    await writeFile(bearerTokenFile, 'secret-token')
    const provider = prometheusProvider({ url: 'http://127.0.0.1:1', bearerTokenFile })
    const error = await provider.query('q', 0).catch((caught: unknown) => caught)
    await rm(directory, { recursive: true })
    const { inspect } = await import('node:util')
    assert.match(
      inspect(error, { depth: 9, showHidden: true }),
      /127\.0\.0\.1:1 can not be reached/,
    )
    assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /secret/)
  })
})

describe('an address', () => {
  for (const [url, allowedHosts, message] of [
    ['ftp://metrics', undefined, 'the address of Prometheus must be an http or https URL'],
    ['metrics:9090', undefined, 'the address of Prometheus must be an http or https URL'],
    [
      'http://me:secret@metrics:9090',
      undefined,
      'the address of metrics:9090 holds a credential: use a bearer token file',
    ],
    ['http://169.254.169.254', ['metrics'], '169.254.169.254 is not among the allowed hosts'],
    ['http://metrics:9091', ['metrics:9090'], 'metrics:9091 is not among the allowed hosts'],
  ] as const) {
    test(`is refused: ${url}`, () => {
      const options = allowedHosts ? { url, allowedHosts } : { url }
      assert.throws(() => prometheusProvider(options), { message })
    })
  }

  test('is taken where it is allowed', () => {
    prometheusProvider({ url: 'http://metrics:9090/prefix/', allowedHosts: ['metrics'] }).close()
  })
})
