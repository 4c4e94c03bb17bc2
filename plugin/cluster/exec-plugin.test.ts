import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runExecPlugin } from './exec-plugin.ts'
import type { Exec } from './kubeconfig.ts'

const cluster = { server: 'https://api.example', isInsecure: false, execConfig: { audience: 'x' } }
const v1 = 'client.authentication.k8s.io/v1'
const v1beta1 = 'client.authentication.k8s.io/v1beta1'
const env = { PATH: '/usr/bin:/bin' }

const shell = (script: string, over: Partial<Exec> = {}): Exec => ({
  apiVersion: v1,
  command: '/bin/sh',
  args: ['-c', script],
  env: {},
  interactiveMode: 'IfAvailable',
  providesClusterInfo: false,
  ...over,
})

const run = (exec: Exec, isInteractive = false) =>
  runExecPlugin(exec, cluster, { env, isInteractive, ca: 'PEM', printError: () => undefined })

const answer = (status: string, apiVersion = v1) =>
  `echo '{"apiVersion":"${apiVersion}","kind":"ExecCredential","status":${status}}'`

const given: readonly [string, Exec, object][] = [
  ['a token', shell(answer('{"token":"t"}')), { token: 't' }],
  [
    'a token of v1beta1',
    shell(answer('{"token":"t"}', v1beta1), { apiVersion: v1beta1 }),
    { token: 't' },
  ],
  [
    'a certificate with its key',
    shell(answer('{"clientCertificateData":"c","clientKeyData":"k"}')),
    { cert: 'c', key: 'k' },
  ],
]
for (const [what, exec, credentials] of given) {
  test(`an exec plugin gives ${what}`, async () => {
    assert.deepEqual(await run(exec), credentials)
  })
}

test('an exec plugin sees its own variables, the question and the cluster', async () => {
  const script = `token=$(printf '%s|%s' "$WHO" "$KUBERNETES_EXEC_INFO" | base64 -w0)
    echo '{"apiVersion":"${v1}","kind":"ExecCredential","status":{"token":"'$token'"}}'`
  const exec = shell(script, { env: { WHO: 'ann' }, providesClusterInfo: true })
  const { token = '' } = await run(exec)
  const [who, question] = Buffer.from(token, 'base64').toString().split('|')
  assert.equal(who, 'ann')
  assert.deepEqual(JSON.parse(question ?? ''), {
    apiVersion: v1,
    kind: 'ExecCredential',
    spec: {
      cluster: {
        server: 'https://api.example',
        'certificate-authority-data': Buffer.from('PEM').toString('base64'),
        config: { audience: 'x' },
      },
      interactive: false,
    },
  })
})

const failing: readonly [string, Exec, RegExp][] = [
  ['fails', shell('echo s3cret; exit 3'), /^exec plugin \/bin\/sh failed with exit code 3$/],
  ['prints something else', shell('echo s3cret'), /did not print an ExecCredential of/],
  ['answers in another version', shell(answer('{"token":"s3cret"}', v1beta1)), /did not print an/],
  [
    'gives nothing',
    shell(answer('{"clientKeyData":"s3cret"}')),
    /neither a token nor a certificate/,
  ],
  [
    'is not there',
    shell('', { command: '/no/such/program', installHint: 'Install it by …' }),
    /^exec plugin \/no\/such\/program was not found\nInstall it by …$/,
  ],
  ['needs a terminal', shell('', { interactiveMode: 'Always' }), /needs a terminal/],
  ['has an unknown version', shell('', { apiVersion: 'v9' }), /apiVersion v9 is not supported/],
]
for (const [what, exec, message] of failing) {
  test(`an exec plugin that ${what} is told in a sentence without its output`, async () => {
    await assert.rejects(run(exec), (error: Error) => {
      assert.match(error.message, message)
      assert.doesNotMatch(error.message, /s3cret/)
      return true
    })
  })
}

test('an exec plugin that hangs is told of, and is not waited for without end', async () => {
  const told: string[] = []
  const printError = (text: string) => told.push(text)
  const limits = { toldMs: 10, endedMs: 100 }
  await assert.rejects(
    runExecPlugin(shell('sleep 5; true'), cluster, {
      env,
      isInteractive: false,
      printError,
      limits,
    }),
    /exec plugin \/bin\/sh did not end within 0.1 s/,
  )
  assert.deepEqual(told, ['waiting for exec plugin /bin/sh, at most 0.1 s\n'])
})
