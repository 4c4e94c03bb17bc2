// Bad input gets a clear error with place and remedy, changes nothing, and other rollouts go on.
import assert from 'node:assert/strict'
import { symlink } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { prometheusProvider } from '../analysis/providers/prometheus.ts'
import { rolloutYaml } from '../lab/demo/definitions.ts'
import { type Cluster, startCluster } from './fixtures/cluster.ts'

const timing = { hold: '3s', settle: '50ms', drain: '100ms', minRequests: 20 }
const quick = (name: 'checkout' | 'payments', version = 'v1') =>
  rolloutYaml(name, { version }, { timing })

const isReady = async (cluster: Cluster, name: string) =>
  (await cluster.rollout(name))?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')

const bomb = [
  'a: &a [x, x, x, x, x, x, x, x, x]',
  ...'bcdefghi'.split('').map((key, i) => {
    const before = 'abcdefgh'[i]
    return `${key}: &${key} [*${before}, *${before}, *${before}, *${before}, *${before}, *${before}]`
  }),
  'kind: Rollout',
  'apiVersion: sluice.dev/v1alpha1',
].join('\n')

const checkout = quick('checkout')
/** A file, and what its error must say. Lines count from 1. */
const files: Record<string, { text: string; error: RegExp }> = {
  'broken-yaml': {
    text: checkout.replace('spec:', 'spec: ['),
    error: /^apps\/broken-yaml\.yaml:\d+:\d+: /,
  },
  'unknown-field': {
    text: checkout.replace('replicas: 4', 'replica: 4'),
    error: /:8:3: .*unknown field.*replica.*replicas/,
  },
  'steps-fall': {
    text: checkout.replace('weight: 25', 'weight: 2'),
    error: /: .*weights must not fall/,
  },
  'step-over-100': {
    text: checkout.replace('weight: 100', 'weight: 150'),
    error: /:32:11: .*at most 100, found 150/,
  },
  'hold-too-long': {
    text: checkout.replace('weight: 50, hold: 3s', 'weight: 50, hold: 2h'),
    error: /: .*longer than the longest hold/,
  },
  'too-large': { text: `${checkout}# ${'x'.repeat(1024 * 1024)}\n`, error: /1 MiB/ },
  'too-deep': {
    text: checkout.replace('replicas: 4', `replicas: ${'['.repeat(100)}${']'.repeat(100)}`),
    error: /(64|nest)/,
  },
  'alias-bomb': { text: bomb, error: /alias/i },
}

describe('bad definitions in Git', { concurrency: 4 }, () => {
  it('are named with file, line and column, and do not keep others from serving', async () => {
    await using cluster = await startCluster()
    const texts = Object.entries(files).map(([name, { text }]) => [
      `apps/${name}.yaml`,
      text.replaceAll('checkout', name),
    ])
    await cluster.repository.commit('a good one among many bad ones', {
      ...Object.fromEntries(texts),
      'apps/payments.yaml': quick('payments'),
      'apps/twice-a.yaml': checkout.replaceAll('checkout', 'twice'),
      'apps/twice-b.yaml': checkout.replaceAll('checkout', 'twice'),
    })
    await symlink('/etc/passwd', join(cluster.directory, 'team/apps/link.yaml'))
    await cluster.repository.commit('a link', {})
    await cluster.follow()
    await cluster.until('payments serves', () => isReady(cluster, 'payments'))
    const { errors = [], rollouts } = (await cluster.source()) ?? {}
    const said = errors.map(
      ({ path, line, column, message }) => `${path}:${line}:${column}: ${message}`,
    )
    for (const [name, { error }] of Object.entries(files)) {
      const own = said.find((line) => line.startsWith(`apps/${name}.yaml:`))
      assert.match(own ?? `nothing was said of ${name}, only:\n${said.join('\n')}`, error)
    }
    assert.match(said.join('\n'), /apps\/link\.yaml:.*symbolic link/)
    assert.match(said.join('\n'), /apps\/twice-a\.yaml:.*apps\/twice-b\.yaml/)
    assert.equal(rollouts, 1, 'only the good one is used')
    for (const name of [...Object.keys(files), 'twice']) {
      assert.equal(await cluster.rollout(name), undefined, `${name} must not exist`)
    }
  })

  it('leave the definition before them in force', async () => {
    await using cluster = await startCluster()
    await cluster.repository.commit('v1', { 'apps/payments.yaml': quick('payments') })
    await cluster.follow()
    const before = await cluster.until('payments serves', async () => {
      return (await isReady(cluster, 'payments')) && cluster.rollout('payments')
    })
    await cluster.repository.commit('broken', {
      'apps/payments.yaml': quick('payments', 'v2').replace('spec:', 'spec: ['),
    })
    await cluster.until('the error is told', async () => (await cluster.source())?.errors?.length)
    assert.deepEqual((await cluster.rollout('payments'))?.stable, before.stable)
  })
})

describe('a GitSource', { concurrency: 4 }, () => {
  const rows = [
    {
      what: 'whose branch does not exist names those that do',
      spec: { branch: 'release' },
      message: /branch "?release"?.*main/s,
    },
    {
      what: 'whose host is down says so',
      spec: { repository: 'https://127.0.0.1:9/shop.git' },
      message: /127\.0\.0\.1:9/,
    },
    {
      what: 'whose repository does not exist says so',
      spec: { repository: 'file:///nowhere/shop.git' },
      message: /nowhere/,
    },
    {
      what: 'whose schedule is wrong says what to write',
      spec: { schedule: 'every now and then' },
      message: /schedule "every now and then" .*"\*\/5 \* \* \* \*"/s,
    },
  ]
  for (const { what, spec, message } of rows) {
    it(what, async () => {
      await using cluster = await startCluster()
      await cluster.repository.commit('v1', { 'apps/payments.yaml': quick('payments') })
      await cluster.follow(spec)
      const ready = await cluster.until('a condition', async () =>
        (await cluster.source())?.conditions?.find(({ type }) => type === 'Ready'),
      )
      assert.equal(ready.status, 'False')
      assert.match(ready.message, message)
    })
  }
})

describe('a Rollout', { concurrency: 4 }, () => {
  it('waits with a reason while the CRDs of the mesh are missing', async () => {
    await using cluster = await startCluster({ hasMesh: false })
    await cluster.repository.commit('v1', { 'apps/payments.yaml': quick('payments') })
    await cluster.follow()
    const blockedBy = await cluster.until(
      'it is blocked',
      async () => (await cluster.rollout('payments'))?.blockedBy,
    )
    assert.equal(blockedBy.reason, 'MissingKind')
    assert.match(blockedBy.message, /no VirtualService .*install the CRDs|no DestinationRule/)
  })

  const answers = [
    { what: 'HTML', status: 200, body: '<html>sign in</html>' },
    { what: 'an error', status: 500, body: 'oops' },
  ]
  for (const { what, status, body } of answers) {
    it(`is never promoted while Prometheus answers ${what}`, async () => {
      const server = createServer((_, response) => {
        response.writeHead(status, { 'content-type': 'text/html' }).end(body)
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const { port } = server.address() as AddressInfo
      const provider = prometheusProvider({ url: `http://127.0.0.1:${port}` })
      {
        await using cluster = await startCluster({ provider })
        const hasty = (version: string) =>
          quick('payments', version)
            .replaceAll('hold: 3s', 'hold: 0s')
            .replace('progressDeadline: 60s', 'progressDeadline: 2s')
        await cluster.repository.commit('v1', { 'apps/payments.yaml': hasty('v1') })
        await cluster.follow()
        await cluster.until('payments serves', () => isReady(cluster, 'payments'))
        await cluster.repository.commit('v2', { 'apps/payments.yaml': hasty('v2') })
        const paused = await cluster.until('it pauses at the deadline', async () => {
          const now = await cluster.rollout('payments')
          return now?.phase === 'Paused' && now
        })
        assert.equal(paused.reason, 'error')
        assert.equal(paused.step, 0)
        assert.match(paused.because ?? '', /no evidence within 2s: .*127\.0\.0\.1/)
      }
      provider.close()
      server.closeAllConnections()
      server.close()
    })
  }
})
