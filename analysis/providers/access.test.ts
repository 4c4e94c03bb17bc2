// Credentials in files, as a provider sends them; and a server that wants to know who asks.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { type AccessOptions, createAccess } from './access.ts'
import { prometheusProvider } from './prometheus.ts'

const run = promisify(execFile)

describe('access', () => {
  let folder = ''
  const file = (name: string) => join(folder, name)
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'access-'))
    for (const [name, text] of Object.entries({
      token: 'abc\n',
      basic: 'me:a:b\n',
      headers: 'X-Key: k1\nX-Other: two words\n',
      host: 'Host: elsewhere\n',
      empty: '\n',
      words: 'two words',
    })) {
      await writeFile(file(name), text)
    }
  })
  after(() => rm(folder, { recursive: true }))

  const rows: readonly [string, () => AccessOptions, Record<string, string>][] = [
    ['a token', () => ({ bearerTokenFile: file('token') }), { Authorization: 'Bearer abc' }],
    [
      'user and password',
      () => ({ basicAuthFile: file('basic') }),
      { Authorization: `Basic ${Buffer.from('me:a:b').toString('base64')}` },
    ],
    [
      'headers and a tenant',
      () => ({ headersFile: file('headers'), tenant: 'shop|pay' }),
      { 'X-Scope-OrgID': 'shop|pay', 'X-Key': 'k1', 'X-Other': 'two words' },
    ],
    ['nothing', () => ({}), {}],
  ]
  for (const [what, options, headers] of rows) {
    test(`is ${what}`, async () => {
      const access = createAccess(options(), 'HOST')
      assert.deepEqual(await access.headers(), headers)
      access.close()
    })
  }

  const broken: readonly [string, () => AccessOptions, string][] = [
    [
      'a file that is not there',
      () => ({ bearerTokenFile: file('no') }),
      'the bearer token file for HOST can not be read',
    ],
    [
      'a token of two words',
      () => ({ bearerTokenFile: file('words') }),
      'the bearer token file for HOST holds no token',
    ],
    [
      'a user without a password',
      () => ({ basicAuthFile: file('token') }),
      'the basic auth file for HOST must hold user:password',
    ],
    [
      'a header that the client decides',
      () => ({ headersFile: file('host') }),
      'the headers file for HOST must hold at most 32 lines Name: value',
    ],
  ]
  for (const [what, options, message] of broken) {
    test(`fails without telling what is in the file: ${what}`, async () => {
      const access = createAccess(options(), 'HOST')
      await assert.rejects(access.headers(), { message, isAboutQuery: false })
      access.close()
    })
  }

  test('shows a certificate, trusts its authority only, and reads both again', async () => {
    const certify = (name: string) =>
      run('openssl', [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
        ...['-keyout', file(`${name}.key`), '-out', file(`${name}.crt`), '-days', '2'],
        ...['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'],
      ])
    await Promise.all([certify('server'), certify('client')])
    const [key, cert, ca] = await Promise.all(
      ['server.key', 'server.crt', 'client.crt'].map((name) => readFile(file(name))),
    )
    const server = createServer({ key, cert, ca, requestCert: true }, (request, response) => {
      const name = (request.socket as TLSSocket).getPeerCertificate().subject?.CN ?? 'nobody'
      const result = [{ metric: { name }, value: [1, '1'] }]
      response.setHeader('Content-Type', 'application/json')
      response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } }))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const url = `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
    const files = { certFile: file('client.crt'), keyFile: file('client.key') }
    await writeFile(file('ca.crt'), await readFile(file('client.crt')))
    const provider = prometheusProvider({ url, ...files, caFile: file('ca.crt') })
    await assert.rejects(provider.query('q', 0), /can not be reached/)
    await writeFile(file('ca.crt'), await readFile(file('server.crt')))
    const [sample] = await provider.query('q', 0)
    assert.equal(sample?.labels['name'], 'client')
    provider.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
})
