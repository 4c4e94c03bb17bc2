// The Git loop as the controller runs it: credentials from Secrets, a Git server that asks for them, a host with
// pull requests and statuses, all real but on this machine.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { commandAnnotation } from '../crds/names.ts'
import type { Verb } from '../crds/words.ts'
import { type HttpsHost, startHttpsHost } from '../git/https-host.fixture.ts'
import type { Resource } from '../kube/api.ts'
import { configMaps, rollouts } from '../kube/resources.ts'
import { dialects } from './doubles/git-hosts/dialects.ts'
import { type HostServer, startHost } from './doubles/git-hosts/server.ts'
import { type Cluster, startCluster } from './fixtures/cluster.ts'

const token = 'ghp-CANARY0123456789abcdef'
const project = 'shop/environments'
const branch = /^sluice\/revert\/shop\.checkout\//
const path = 'apps/checkout.yaml'
const secrets: Resource = { apiVersion: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true }

const text = (version: string, revert = 'mode: pull-request') => `
apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata: { name: checkout, namespace: shop }
spec:
  replicas: 1
  selector: { matchLabels: { app: checkout } }
  template:
    metadata: { labels: { app: checkout } }
    spec: { containers: [{ name: app, image: "checkout:${version}" }] }
  traffic: { istio: { host: checkout }, settle: 50ms, drain: 50ms }
  canary: { steps: [{ weight: 50, hold: 20m }] }
  revert: { ${revert} }
`

interface Stage extends AsyncDisposable {
  readonly cluster: Cluster
  readonly git: HttpsHost
  readonly host: HostServer
  readonly spec: Record<string, unknown>
}

async function setStage(): Promise<Stage> {
  const stack = new AsyncDisposableStack()
  const cluster = stack.use(await startCluster())
  const repository = cluster.repository.path
  const git = stack.use(
    await startHttpsHost(repository, { user: 'x-access-token', password: token }),
  )
  const host = await startHost(dialects.github, { token, project })
  stack.defer(() => host.close())
  const headOf = (name: string) => run(repository, 'rev-parse', `refs/heads/${name}`)
  host.store.branches.get = (name) => headOf(name)
  return {
    cluster,
    git,
    host,
    spec: {
      repository: git.url,
      credentials: { secretRef: { name: 'git' } },
      host: { kind: 'github', api: host.api, project },
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

const run = (repository: string, ...args: string[]) =>
  execFileSync('git', ['-C', repository, ...args], { encoding: 'utf8' }).trim()

async function addSecret({ api }: Cluster, name: string, values: Record<string, string>) {
  const data = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  )
  const metadata = { name, namespace: 'shop' }
  await api.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata, data })
}

async function say({ api }: Cluster, verb: Verb) {
  const value = JSON.stringify({ id: verb, by: 'ada', at: '2026-01-01T00:00:00Z' })
  const body = { metadata: { annotations: { [commandAnnotation(verb)]: value } } }
  await api.patch(rollouts, { namespace: 'shop', name: 'checkout' }, 'merge', body)
}

const isReady = async (cluster: Cluster) =>
  (await cluster.rollout('checkout'))?.conditions?.some(
    ({ type, status }) => type === 'Ready' && status === 'True',
  )

const condition = async (cluster: Cluster, type: string) =>
  (await cluster.source())?.conditions?.find((one) => one.type === type)

const untilReason = (cluster: Cluster, reason: string, type = 'Ready') =>
  cluster.until(`${type} says ${reason}`, async () => {
    const found = await condition(cluster, type)
    return found?.reason === reason && found
  })

/** A release that a person aborts; resolves when Git has answered. */
async function abortRelease(cluster: Cluster, write: (version: string) => string = text) {
  await cluster.repository.commit('v1', { [path]: write('v1') })
  await cluster.until('it serves', () => isReady(cluster))
  await cluster.repository.commit('v2', { [path]: write('v2') })
  await cluster.until('a trial', async () => {
    return (await cluster.rollout('checkout'))?.phase === 'Progressing'
  })
  await say(cluster, 'abort')
  return await cluster.until('Git has answered', async () => {
    const revertState = (await cluster.rollout('checkout'))?.revert
    return revertState && revertState.state !== 'Requested' && revertState
  })
}

const keygen = 'ssh-keygen'
const noKeys = spawnSync(keygen, ['-?'], { stdio: 'ignore' }).error && `${keygen} is not installed`

describe('the Git loop', { concurrency: 2 }, () => {
  it('waits for a Secret, says which, and goes on when it is there', async () => {
    await using stage = await setStage()
    const { cluster, git } = stage
    await cluster.repository.commit('v1', { [path]: text('v1') })
    await cluster.follow({ ...stage.spec, schedule: '* * * * * *' })
    const missing = await untilReason(cluster, 'SecretMissing')
    assert.match(missing.message, /no Secret shop\/git: create it/)
    await addSecret(cluster, 'git', { 'ca.crt': readFileSync(git.certificate, 'utf8') })
    await cluster.until('the key is missed', async () =>
      (await condition(cluster, 'Ready'))?.message.includes(
        'no "token" or "password", only ca.crt',
      ),
    )
    const body = { data: { token: Buffer.from(token).toString('base64') } }
    await cluster.api.patch(secrets, { namespace: 'shop', name: 'git' }, 'merge', body)
    await untilReason(cluster, 'Applied')
  })

  it('proposes a revert, asks again, and is done once it is merged', async () => {
    await using stage = await setStage()
    const { cluster, git, host } = stage
    await addSecret(cluster, 'git', { token, 'ca.crt': readFileSync(git.certificate, 'utf8') })
    await cluster.follow(stage.spec)
    const proposed = await abortRelease(cluster)
    assert.equal(proposed.state, 'Proposed', proposed.because)
    assert.equal(proposed.pullRequest?.number, 1)
    const { blockedBy } = await cluster.until('it says what it waits for', async () => {
      const status = await cluster.rollout('checkout')
      return status?.blockedBy?.reason === 'Proposed' && status
    })
    assert.match(blockedBy?.message ?? '', /pull request 1 restores .*once it is merged: https:/)
    const pull = host.store.pulls[0]
    assert.match(pull?.branch ?? '', branch)
    run(cluster.repository.path, 'update-ref', 'refs/heads/main', `refs/heads/${pull?.branch}`)
    if (pull) pull.state = 'merged'
    const restored = await cluster.until('it is restored', async () => {
      const status = await cluster.rollout('checkout')
      return status?.phase === 'Stable' && status.revert?.state === 'Committed' && status
    })
    assert.equal(restored.revert?.commit, await cluster.repository.head())
    const told = cluster.announcements.map(({ announcement }) => announcement.reason)
    assert.equal(told.filter((reason) => reason === 'RevertProposed').length, 1)
    assert.ok(told.includes('RevertCommitted'))
  })

  it('takes from a file only what is its to say, also when it was copied from a cluster', async () => {
    await using cluster = await startCluster()
    await cluster.follow()
    const owner = '{ apiVersion: v1, kind: Pod, name: gone, uid: u9 }'
    const copied = `{ name: checkout, namespace: shop, uid: u1, resourceVersion: "7", generation: 3,
  creationTimestamp: "2026-01-01T00:00:00Z", managedFields: [], finalizers: [a.example/b], labels: { team: a },
  ownerReferences: [${owner}], annotations: { a.example/c: d } }`
    const file = text('v1').replace('{ name: checkout, namespace: shop }', copied)
    await cluster.repository.commit('v1', { [path]: `${file}status: { phase: Aborted }\n` })
    await untilReason(cluster, 'Applied')
    const key = { namespace: 'shop', name: 'checkout' }
    const { metadata } = await cluster.api.get(rollouts, key)
    assert.equal(metadata.ownerReferences, undefined)
    assert.ok(!metadata.finalizers?.includes('a.example/b'))
    assert.deepEqual([metadata.labels, metadata.annotations?.['a.example/c']], [{ team: 'a' }, 'd'])
    assert.notEqual((await cluster.rollout('checkout'))?.phase, 'Aborted')
  })

  it('leaves a release that can not be undone to people', async () => {
    await using cluster = await startCluster()
    await cluster.follow()
    const irreversible = (version: string) =>
      text(version, 'mode: direct').replace(
        'metadata: { labels: { app: checkout } }',
        'metadata: { labels: { app: checkout }, annotations: { sluice.dev/irreversible: "true" } }',
      )
    const answer = await abortRelease(cluster, irreversible)
    assert.equal(answer.state, 'NeedsHuman')
    assert.match(answer.because, /irreversible is set on this release/)
    assert.equal((await cluster.repository.log()).length, 2, 'no commit of ours')
  })

  it('tries a release again when the commit that brings it back says so', async () => {
    await using cluster = await startCluster()
    await cluster.follow()
    const write = (version: string) => text(version, 'mode: direct')
    assert.equal((await abortRelease(cluster, write)).state, 'Committed')
    await cluster.until('it is restored', async () => {
      return (await cluster.rollout('checkout'))?.phase === 'Stable'
    })
    await cluster.repository.commit('it was the network\n\nSluice-Retry: shop/other', {
      [path]: write('v2'),
    })
    await cluster.until('it is held', async () => {
      return (await cluster.rollout('checkout'))?.blockedBy?.reason === 'Quarantined'
    })
    const message = 'it was the network\n\nIndeed.\n\nReviewed-by: Bob\nSluice-Retry: shop/checkout'
    await cluster.repository.commit('back', { [path]: write('v1') })
    await cluster.until('it is not held any more', async () => {
      return (await cluster.rollout('checkout'))?.blockedBy === undefined
    })
    const commit = await cluster.repository.commit(message, { [path]: write('v2') })
    const again = await cluster.until('another trial', async () => {
      const status = await cluster.rollout('checkout')
      return status?.phase === 'Progressing' && status
    })
    assert.match(
      again.because ?? '',
      new RegExp(`by commit ${commit.slice(0, 12)}, allowed another try`),
    )
    assert.equal(again.attempt, 2)
    assert.equal(again.canary?.author, 'Ada of the checkout team')
  })

  it('restores values of a release that another tool delivers', async () => {
    await using cluster = await startCluster()
    const values = (tag: string) => `checkout:\n  image: { tag: "${tag}" } # by the bot\nother: 1\n`
    const file = 'environments/prod/values.yaml'
    await cluster.repository.commit('v1', { [file]: values('v1') })
    await cluster.follow({ apply: false })
    const revert =
      '{ source: shop, include: { path: environments/prod/values.yaml, fields: [{ field: /checkout/image/tag, container: app }] } }'
    const deliver = async (version: string) => {
      const object = parse(text(version).replace('{ mode: pull-request }', revert))
      const key = { namespace: 'shop', name: 'checkout' }
      await cluster.api.patch(rollouts, key, 'apply', object, {
        fieldManager: 'argocd',
        force: true,
      })
    }
    await deliver('v1')
    await cluster.until('it serves', () => isReady(cluster))
    await cluster.repository.commit('v2', { [file]: values('v2') })
    await deliver('v2')
    await cluster.until('a trial', async () => {
      return (await cluster.rollout('checkout'))?.phase === 'Progressing'
    })
    await say(cluster, 'abort')
    const answer = await cluster.until('Git has answered', async () => {
      const revertState = (await cluster.rollout('checkout'))?.revert
      return revertState && revertState.state !== 'Requested' && revertState
    })
    assert.equal(answer.state, 'Committed', answer.because)
    const head = await cluster.repository.head()
    assert.equal(answer.commit, head)
    assert.equal(await cluster.repository.file(head, file), values('v1').trimEnd())
    await deliver('v1')
    await cluster.until('it is restored', async () => {
      return (await cluster.rollout('checkout'))?.phase === 'Stable'
    })
  })

  it('brings ConfigMaps with their Rollout, and restores one that was all that a release changed', async () => {
    await using cluster = await startCluster()
    await cluster.follow()
    const file = 'config/env.yaml'
    const env = (rate: string) => `# of the shop
apiVersion: v1
kind: ConfigMap
metadata: { name: env, namespace: shop, labels: { team: shop } }
data: { RATE: "${rate}" } # a second
`
    const live = async () => await cluster.api.get(configMaps, { namespace: 'shop', name: 'env' })
    const rollout = `${text('v1', 'mode: direct')}  config: [{ configMap: env }]\n`
    const first = await cluster.repository.commit('v1', { [path]: rollout, [file]: env('10') })
    await cluster.until('it serves', () => isReady(cluster))
    const { metadata, data } = await live()
    assert.deepEqual(data, { RATE: '10' })
    assert.deepEqual(metadata.labels, { team: 'shop', 'sluice.dev/config': 'named' })
    assert.equal((await cluster.rollout('checkout'))?.stable?.commit, first)
    const bad = await cluster.repository.commit('v2', { [file]: env('99'), 'README.md': 'hello' })
    const trial = await cluster.until('a trial', async () => {
      const status = await cluster.rollout('checkout')
      return status?.phase === 'Progressing' && status
    })
    assert.equal(trial.canary?.commit, bad, 'the commit of the ConfigMap is that of the release')
    await say(cluster, 'abort')
    const answer = await cluster.until('Git has answered', async () => {
      const revertState = (await cluster.rollout('checkout'))?.revert
      return revertState && revertState.state !== 'Requested' && revertState
    })
    assert.equal(answer.state, 'Committed', answer.because)
    assert.match(
      answer.because,
      /^restored ConfigMap env data\.RATE in config\/env\.yaml by commit/,
    )
    const head = await cluster.repository.head()
    assert.equal(answer.commit, head)
    assert.equal(await cluster.repository.file(head, file), env('10').trimEnd())
    assert.equal(run(cluster.repository.path, 'diff', '--name-only', `${head}^`, head), file)
    await cluster.until('it is restored', async () => {
      const status = await cluster.rollout('checkout')
      return status?.phase === 'Stable' && (await live())['data'].RATE === '10'
    })
  })

  it('restores a release that only the cluster still has', async () => {
    await using cluster = await startCluster()
    const upstream = cluster.repository.path
    await cluster.repository.commit('v1', { [path]: text('v1', 'mode: direct') })
    await cluster.follow()
    await cluster.until('it serves', () => isReady(cluster))
    await cluster.repository.commit('v2', { [path]: text('v2', 'mode: direct') })
    await cluster.until('a trial', async () => {
      return (await cluster.rollout('checkout'))?.phase === 'Progressing'
    })
    // The history begins anew with the bad release, and neither the host nor a mirror keeps the old one.
    const desk = join(cluster.directory, 'team')
    run(desk, 'checkout', '--quiet', '--orphan', 'anew')
    run(desk, 'commit', '--quiet', '-m', 'all of it')
    run(desk, 'push', '--quiet', '--force', 'origin', 'HEAD:refs/heads/main')
    run(upstream, 'gc', '--quiet', '--prune=now')
    await cluster.until('it is read', async () => {
      return (await cluster.source())?.commit === (await cluster.repository.head())
    })
    rmSync(join(cluster.directory, 'mirrors'), { recursive: true, force: true })
    await say(cluster, 'abort')
    const answer = await cluster.until('Git has answered', async () => {
      const revertState = (await cluster.rollout('checkout'))?.revert
      return revertState && revertState.state !== 'Requested' && revertState
    })
    assert.equal(answer.state, 'Committed', answer.because)
    const head = await cluster.repository.head()
    const restored = await cluster.repository.file(head, path)
    assert.equal(parse(restored).spec.template.spec.containers[0].image, 'checkout:v1')
    const changed = run(upstream, 'diff', '--numstat', `${head}^`, head)
    assert.equal(changed, `1\t1\t${path}`)
  })

  it('looks at once when the host says that something happened', async () => {
    await using cluster = await startCluster()
    await addSecret(cluster, 'hook', { 'webhook-secret': 'CANARY-hook' })
    await cluster.repository.commit('v1', { [path]: text('v1') })
    const schedule = '0 0 29 2 *'
    await cluster.follow({ schedule, webhook: { kind: 'github', secretRef: { name: 'hook' } } })
    await untilReason(cluster, 'Applied')
    const commit = await cluster.repository.commit('v2', { [path]: text('v2') })
    const payload = { ref: 'refs/heads/main', repository: { clone_url: cluster.repository.url } }
    const body = Buffer.from(JSON.stringify(payload))
    const digest = createHmac('sha256', 'CANARY-hook').update(body).digest('hex')
    const headers = { 'x-hub-signature-256': `sha256=${digest}`, 'x-github-delivery': '1' }
    const answer = await cluster.webhooks({ path: '/webhooks/shop/shop', headers, body })
    assert.equal(answer.status, 202, answer.because)
    await answer.afterwards?.()
    await cluster.until('it is read', async () => (await cluster.source())?.commit === commit)
  })

  it('holds a commit that nobody signed', { skip: noKeys ?? false }, async () => {
    await using cluster = await startCluster()
    const key = join(cluster.directory, 'key')
    execFileSync(keygen, ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', key])
    const signers = `* namespaces="git" ${readFileSync(`${key}.pub`, 'utf8')}`
    await addSecret(cluster, 'signers', { allowed_signers: signers })
    await cluster.repository.commit('unsigned', { [path]: text('v1') })
    await cluster.follow({ signatures: { require: 'head', secretRef: { name: 'signers' } } })
    assert.match((await untilReason(cluster, 'Unsigned')).message, /is not signed/)
    assert.equal(await cluster.rollout('checkout'), undefined, 'it does not run')
    const sign = ['-c', 'gpg.format=ssh', '-c', `user.signingkey=${key}`]
    const desk = join(cluster.directory, 'team')
    run(desk, ...sign, 'commit', '--quiet', '--allow-empty', '-S', '-m', 'signed')
    run(desk, 'push', '--quiet', 'origin', 'HEAD:refs/heads/main')
    await untilReason(cluster, 'Applied')
  })

  it('tells the host of each commit, and people whether a revert could be written', async () => {
    await using stage = await setStage()
    const { cluster, git, host } = stage
    await addSecret(cluster, 'git', { token, 'ca.crt': readFileSync(git.certificate, 'utf8') })
    const first = await cluster.repository.commit('v1', { [path]: text('v1') })
    await cluster.follow(stage.spec)
    await untilReason(cluster, 'RevertReady', 'RevertReady')
    assert.equal(run(cluster.repository.path, 'for-each-ref', 'refs/sluice'), '', 'no trace')
    const broken = await cluster.repository.commit('broken', {
      [path]: text('v2').replace('replicas: 1', 'replicas: many'),
    })
    await untilReason(cluster, 'Errors')
    await cluster.until('the host was told twice', async () => host.store.statuses.length === 2)
    const [well, ill] = host.store.statuses
    assert.deepEqual([well?.commit, well?.state], [first, 'success'])
    assert.deepEqual([ill?.commit, ill?.state], [broken, 'failure'])
    assert.match(ill?.description ?? '', /apps\/checkout\.yaml:6:\d+: /)
    assert.equal(ill?.context, 'sluice/shop.shop')
    const told = JSON.stringify([await cluster.source(), cluster.announcements, host.store])
    assert.ok(!told.includes(token), 'the token is nowhere')
  })
})
