import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createVirtualClock } from '../test/doubles/clock.ts'
import { inClusterCredentials, kubeconfigCredentials } from './credentials.ts'

const secret = 'tok-5ecret'

async function inFolder<T>(
  files: Record<string, string>,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-credentials-'))
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

function kubeconfig(user: unknown, cluster: object = {}): string {
  const server = 'https://127.0.0.1:6443/prefix'
  const ca = { 'certificate-authority-data': Buffer.from('CA').toString('base64') }
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server, ...ca, ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  })
}

const pem = (text: string) => Buffer.from(text).toString('base64')
const exec = {
  apiVersion: 'client.authentication.k8s.io/v1',
  interactiveMode: 'Never',
  command: 'echo',
  args: [JSON.stringify({ kind: 'ExecCredential', status: { token: secret } })],
}
const users: [string, object, object, Record<string, string>, Record<string, unknown>][] = [
  ['a token', { token: secret }, {}, { authorization: `Bearer ${secret}` }, {}],
  ['a plugin', { exec }, {}, { authorization: `Bearer ${secret}` }, {}],
  [
    'a client certificate',
    { 'client-certificate-data': pem('CERT'), 'client-key-data': pem('KEY') },
    { 'tls-server-name': 'api' },
    {},
    { cert: 'CERT', key: 'KEY', servername: 'api' },
  ],
  [
    'a name and a password',
    { username: 'u', password: 'p' },
    {},
    { authorization: 'Basic dTpw' },
    {},
  ],
  ['nothing', {}, { 'insecure-skip-tls-verify': true }, {}, { insecure: true }],
]
for (const [name, user, cluster, headers, tls] of users) {
  test(`a kubeconfig with ${name} gives its headers and certificates`, async () => {
    await inFolder({ config: kubeconfig(user, cluster) }, async (folder) => {
      const clock = createVirtualClock()
      const credentials = await kubeconfigCredentials({ clock, path: join(folder, 'config') })
      const given = Object.entries({ ...credentials.tls }).flatMap(([field, value]) =>
        value ? [[field, Buffer.isBuffer(value) ? value.toString() : value]] : [],
      )
      assert.deepEqual(
        [credentials.server, await credentials.headers(), Object.fromEntries(given)],
        ['https://127.0.0.1:6443/prefix', headers, { ca: 'CA', ...tls }],
      )
    })
  })
}

const broken = { exec: { ...exec, command: 'false', args: [secret] } }
const refusals: [string, string, RegExp][] = [
  ['a proxy', kubeconfig({}, { 'proxy-url': 'http://127.0.0.1:1' }), /proxy-url.*not supported/],
  ['broken text', `users: [{ token: ${secret}`, /cannot be read or is not valid/],
  ['a plugin that fails', kubeconfig(broken), /no credentials for cluster c/],
  ['no cluster', JSON.stringify({ apiVersion: 'v1', kind: 'Config' }), /not valid|no cluster/],
]
for (const [name, text, message] of refusals) {
  test(`a kubeconfig with ${name} is refused without telling secrets`, async () => {
    await inFolder({ config: text }, async (folder) => {
      const clock = createVirtualClock()
      const path = join(folder, 'config')
      const error = await kubeconfigCredentials({ clock, path }).catch((cause: unknown) => cause)
      assert.ok(error instanceof Error && message.test(error.message), String(error))
      assert.ok(!`${error.message} ${error.stack} ${error.cause}`.includes(secret))
    })
  })
}

test('a pod reads token and CA again each minute, and keeps them when they are away', async () => {
  await inFolder({ token: 'one\n', 'ca.crt': 'CA1' }, async (folder) => {
    const clock = createVirtualClock()
    const options = { host: '::1', port: '443', clock, folder }
    const credentials = await inClusterCredentials(options)
    const first = credentials.tls
    await writeFile(join(folder, 'token'), 'two\n')
    assert.deepEqual(
      [credentials.server, await credentials.headers()],
      ['https://[::1]:443', { authorization: 'Bearer one' }],
    )
    await clock.advance(60_000)
    assert.deepEqual(await credentials.headers(), { authorization: 'Bearer two' })
    assert.equal(credentials.tls, first)
    await writeFile(join(folder, 'ca.crt'), 'CA2')
    await rm(join(folder, 'token'))
    assert.deepEqual(await credentials.headers(true), { authorization: 'Bearer two' })
    await writeFile(join(folder, 'token'), 'three')
    assert.deepEqual(await credentials.headers(true), { authorization: 'Bearer three' })
    assert.deepEqual(credentials.tls, { ca: 'CA2' })
  })
})
