import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { readTarget } from './kubeconfig.ts'

const first = `
apiVersion: v1
kind: Config
current-context: ""
contexts:
- {name: blue, context: {cluster: blue, user: ann, namespace: shop}}
- {name: bare, context: {cluster: blue}}
- {name: lost, context: {cluster: nowhere, user: ann}}
clusters:
- {name: blue, cluster: {server: "https://blue.example:6443/base", certificate-authority: ca.pem, tls-server-name: api}}
users:
- {name: ann, user: {tokenFile: secrets/token, as: admin, as-groups: [ops, dev]}}
`
const second = `
current-context: blue
contexts:
- {name: blue, context: {cluster: green, user: bob}}
- {name: green, context: {cluster: green, user: bob}}
clusters:
- {name: green, cluster: {server: "http://127.0.0.1:8080", insecure-skip-tls-verify: true, proxy-url: "http://proxy:3128"}}
- {name: odd, cluster: {server: "ftp://x"}}
users:
- name: bob
  user:
    exec: {apiVersion: client.authentication.k8s.io/v1, command: ./sign-in, args: [a, 1], env: [{name: A, value: b}], interactiveMode: Never, provideClusterInfo: true}
- {name: carl, user: {username: carl, password: hunter2}}
`
const broken = 'users: [{name: x, user: {token: hunter2}\n  - : ]['

describe('a kubeconfig', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'))
    for (const [name, content] of Object.entries({ first, second, broken })) {
      await writeFile(join(folder, name), content)
    }
  })
  after(() => rm(folder, { recursive: true }))

  const read = (over: { path?: string; context?: string; files?: readonly string[] } = {}) => {
    const files = over.files ?? ['first', 'missing', 'second']
    const env = { KUBECONFIG: files.map((name) => join(folder, name)).join(delimiter) }
    const path = over.path === undefined ? {} : { path: join(folder, over.path) }
    return readTarget({ env, home: folder, context: over.context, ...path })
  }

  test('merges files so that the first to name a thing wins', () => {
    assert.deepEqual(read(), {
      context: 'blue',
      namespace: 'shop',
      cluster: {
        server: 'https://blue.example:6443/base',
        isInsecure: false,
        caFile: join(folder, 'ca.pem'),
        tlsServerName: 'api',
      },
      user: {
        name: 'ann',
        tokenFile: join(folder, 'secrets/token'),
        impersonation: { 'impersonate-user': 'admin', 'impersonate-group': ['ops', 'dev'] },
      },
    })
  })

  test('gives the context asked for, its plugin and its proxy', () => {
    assert.deepEqual(read({ context: 'green' }), {
      context: 'green',
      namespace: 'default',
      cluster: {
        server: 'http://127.0.0.1:8080',
        isInsecure: true,
        proxyUrl: 'http://proxy:3128',
      },
      user: {
        name: 'bob',
        impersonation: {},
        exec: {
          apiVersion: 'client.authentication.k8s.io/v1',
          command: join(folder, 'sign-in'),
          args: ['a', '1'],
          env: { A: 'b' },
          interactiveMode: 'Never',
          providesClusterInfo: true,
        },
      },
    })
  })

  test('may have a context without a user', () => {
    assert.deepEqual(read({ context: 'bare' }).user, { name: '', impersonation: {} })
  })

  const refused: readonly [string, Parameters<typeof read>[0], RegExp][] = [
    ['no context', { path: 'first' }, /^no context is set: name one by --context/],
    [
      'a mistyped context',
      { context: 'gren' },
      /^context "gren" does not exist; did you mean "green"/,
    ],
    [
      'an unknown cluster',
      { context: 'lost' },
      /^context "lost" names no known cluster: "nowhere"$/,
    ],
    ['a missing file that was named', { path: 'missing' }, /cannot be read \(ENOENT\)$/],
    ['no file at all', { files: ['missing'] }, /^no context is set/],
    ['text that is not YAML', { path: 'broken' }, /is not valid YAML$/],
  ]
  for (const [what, over, message] of refused) {
    test(`is refused with a sentence and no secret for ${what}`, () => {
      assert.throws(
        () => read(over),
        (error: Error) => {
          assert.match(error.message, message)
          assert.doesNotMatch(error.message, /hunter2/)
          return true
        },
      )
    })
  }

  test('without KUBECONFIG is read from the home folder', () => {
    assert.throws(() => readTarget({ env: {}, home: folder }), /no context is set/)
  })
})
