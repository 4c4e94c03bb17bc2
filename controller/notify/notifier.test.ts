// The notifier against the API server of the lab and receivers on loopback, in hurried time.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { NotificationStatus } from '../../crds/notification.ts'
import type { RolloutStatus } from '../../crds/rollout-status.ts'
import type { KubeApi, KubeObject } from '../../kube/api.ts'
import { createReflector } from '../../kube/reflector.ts'
import { notifications, rollouts, secrets } from '../../kube/resources.ts'
import { createKubeApi } from '../../kube/transport.ts'
import { startApiServer } from '../../lab/apiserver/server.ts'
import {
  hurriedClock,
  type Reply,
  type ScriptedServer,
  scriptedServer,
} from '../../test/doubles/scripted-server.ts'
import { rollout } from '../../test/fixtures/rollout.ts'
import type { Observed } from '../observe/observe.ts'
import type { Decision } from '../rollout/decide.ts'
import { allowedHosts } from './allowed-hosts.ts'
import { createNotifier, type Notifier } from './notifier.ts'
import { notificationObject, secretObject } from './notify.fixture.ts'

const clock = hurriedClock(25)
const namespace = { apiVersion: 'v1', kind: 'Namespace' }
const namespaces = { ...namespace, plural: 'namespaces', namespaced: false }
const quiet = { decided: () => undefined, announced: () => undefined }
const crds = await Promise.all(
  ['notifications', 'rollouts'].map((plural) =>
    readFile(new URL(`../../crds/${plural}.yaml`, import.meta.url), 'utf8'),
  ),
)

const asStatus = { subresource: 'status' } as const
const timestamp = () => new Date(clock.now()).toISOString()

interface Scene {
  readonly api: KubeApi
  readonly receiver: ScriptedServer
  /** Outcomes as metrics count them. */
  readonly counted: string[]
  /** What was logged as failed. */
  readonly failures: string[]
  /** A standby follows, and leads from when it is told. */
  begin(role?: 'leader' | 'standby'): Promise<Session>
  status(): Promise<NotificationStatus>
}

/** One controller from its start to its end. */
interface Session {
  readonly notifier: Notifier
  tell(object: KubeObject, reason: string, status: Partial<RolloutStatus>): void
  lead(): void
  /** The status of a Rollout as this controller knows it. */
  sees(name: string): Record<string, unknown> | undefined
  end(): Promise<void>
}

async function scene(
  replies: readonly Reply[] | ((count: number) => Reply),
  run: (scene: Scene) => Promise<void>,
  spec: object = {},
): Promise<void> {
  const server = await startApiServer({ crds })
  const api = createKubeApi({ server: server.url, clock, random: () => 0.5 })
  await using receiver = await scriptedServer(
    typeof replies === 'function' ? (_, count) => replies(count) : replies,
  )
  const counted: string[] = []
  const failures: string[] = []
  const open = new Set<Session>()
  const begin: Scene['begin'] = async (role = 'leader') => {
    const session = await opened(api, receiver, { counted, failures, role })
    open.add(session)
    return session
  }
  const status = async () =>
    (await api.get(notifications, { namespace: 'shop', name: 'releases' }))['status'] ?? {}
  try {
    await api.create(namespaces, { ...namespace, metadata: { name: 'shop' } })
    await api.create(secrets, secretObject({ url: `${receiver.url}/s3cret` }))
    const slack = { slack: { secretRef: { name: 'receiver' } } }
    await api.create(notifications, notificationObject({ ...slack, ...spec }))
    await run({ api, receiver, counted, failures, begin, status })
  } finally {
    for (const session of open) await session.end()
    await api.close()
    await server.close()
  }
}

async function opened(
  api: KubeApi,
  receiver: ScriptedServer,
  more: Pick<Scene, 'counted' | 'failures'> & { readonly role: 'leader' | 'standby' },
): Promise<Session> {
  const { counted, failures } = more
  let isLeading = more.role === 'leader'
  const stop = new AbortController()
  const common = { api, clock, random: () => 0.5, namespace: undefined }
  const world = createReflector({ ...common, resource: rollouts, onChange: () => undefined })
  const following = world.start(stop.signal)
  const notifier = createNotifier({
    ...common,
    hosts: allowedHosts(receiver.url),
    world: () => ({ rollouts: world.store, synced: world.synced }),
    mayWrite: () => isLeading,
    isLeading: () => isLeading,
    listeners: {
      notified: (provider, outcome, count = 1) => {
        if (count > 0) counted.push(`${provider} ${outcome}`)
      },
      failed: (part, error, about) => failures.push(`${part} ${about}: ${error}`),
    },
    timeoutMs: 100_000,
  })
  const running = notifier.run(stop.signal)
  if (isLeading) notifier.lead()
  const journal = notifier.journalAfter(quiet)
  await until(async () => {
    const { items } = await api.list(notifications)
    return items.every(({ status }) => status?.conditions !== undefined)
  })
  return {
    notifier,
    tell(object, reason, status) {
      const announcement = { type: 'Normal', reason, note: `because of ${reason}` }
      const decision = { status, announcements: [announcement] } as unknown as Decision
      // The time of a decision is the one that its status stores.
      const now = status.since === undefined ? clock.now() : Date.parse(status.since)
      journal.decided({ object, snapshot: { now } } as unknown as Observed, decision)
      journal.announced({ object }, announcement as never)
    },
    lead() {
      isLeading = true
      notifier.lead()
    },
    sees: (name) => world.store.get('shop', name)?.['status'],
    async end() {
      stop.abort()
      await Promise.all([running, following])
    },
  }
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1_000; i += 1) {
    if (await isTrue()) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error('it did not happen in 5 s')
}

const about = (status: object = {}): KubeObject => {
  const { status: _, ...object } = rollout()
  return { ...object, metadata: { ...object.metadata, uid: 'u-1' }, status } as KubeObject
}
const bodies = ({ receiver }: Scene) => receiver.asked.map(({ body }) => JSON.parse(body).text)

test('what was decided is told once, in its order, and the status says so', () =>
  scene([{ code: 200, text: 'ok' }], async (scene) => {
    const { tell, end } = await scene.begin()
    tell(about(), 'Started', { phase: 'Progressing' })
    tell(about(), 'StepAdvanced', { phase: 'Progressing' })
    tell(about(), 'Aborted', { phase: 'Aborted' })
    await until(() => scene.counted.length === 2)
    await end()
    assert.deepEqual(bodies(scene), [
      'shop/checkout: Started. because of Started',
      'shop/checkout: Aborted. because of Aborted',
    ])
    const { recent, conditions } = await scene.status()
    const rows = recent ?? []
    assert.deepEqual(
      rows.map(({ reason, outcome, about }) => [reason, outcome, about]),
      [
        ['Aborted', 'Delivered', 'Rollout shop/checkout'],
        ['Started', 'Delivered', 'Rollout shop/checkout'],
      ],
    )
    assert.equal(conditions?.[0]?.status, 'True')
    assert.deepEqual(scene.failures, [])
  }))

test('a receiver that fails is tried again, and nothing comes before its turn', () => {
  const replies = (count: number): Reply => ({ code: count < 3 ? 503 : 200, text: '' })
  return scene(replies, async (scene) => {
    const { tell } = await scene.begin()
    tell(about(), 'Started', {})
    tell(about(), 'Promoted', {})
    await until(() => scene.counted.filter((one) => one === 'slack delivered').length === 2)
    assert.deepEqual(scene.counted, [
      'slack failed',
      'slack failed',
      'slack delivered',
      'slack delivered',
    ])
    assert.equal(bodies(scene)[3], 'shop/checkout: Promoted. because of Promoted')
  })
})

test('a receiver that is gone is said in the status, without its address', () =>
  scene(['reset'], async (scene) => {
    const { tell, notifier } = await scene.begin()
    tell(about(), 'Aborted', {})
    await until(async () => {
      const { conditions } = await scene.status()
      return conditions?.[0]?.reason === 'Failing'
    })
    assert.equal(notifier.waiting(), 1)
    const said = JSON.stringify(await scene.status())
    assert.match(said, /could not be told: ECONNRESET; it is tried again/)
    assert.ok(!said.includes('s3cret'), said)
  }))

test('a restart tells what nobody told, and nothing twice', () =>
  scene([{ code: 200, text: 'ok' }], async (scene) => {
    const first = await scene.begin()
    const created = await scene.api.create(rollouts, rollout() as unknown as KubeObject)
    const at = clock.now()
    const since = new Date(at).toISOString()
    const status = { phase: 'Aborted', reason: 'failed', because: 'too slow', since, decision: 3 }
    const stored = { ...status, fence: 3 }
    const options = { subresource: 'status' } as const
    const key = { namespace: 'shop', name: 'checkout' }
    await scene.api.patch(rollouts, key, 'merge', { status: stored }, options)
    // The first controller ends before it told; the second finds it in the status, and the third finds it told.
    await first.end()
    const second = await scene.begin()
    await until(() => scene.counted.length === 1)
    await second.end()
    const third = await scene.begin()
    const blockedBy = { reason: 'Quarantined', message: 'Git asks for it', since: clock.now() }
    const blocked = { ...blockedBy, since: new Date(blockedBy.since).toISOString() }
    const more = { status: { blockedBy: blocked } }
    await scene.api.patch(rollouts, key, 'merge', more, options)
    await third.end()
    await scene.begin()
    await until(() => scene.counted.length === 2)
    assert.deepEqual(bodies(scene), [
      'shop/checkout: Aborted. too slow',
      'shop/checkout: Quarantined. Git asks for it',
    ])
    assert.equal(created.metadata.namespace, 'shop')
  }))

test('who waited to lead repeats nothing of what the leader told', () =>
  scene([{ code: 200, text: 'ok' }], async (scene) => {
    const leader = await scene.begin()
    const standby = await scene.begin('standby')
    const status = {
      phase: 'Aborted',
      because: 'too slow',
      since: timestamp(),
      decision: 3,
      fence: 3,
    }
    const created = await scene.api.create(rollouts, rollout() as unknown as KubeObject)
    const key = { namespace: 'shop', name: 'checkout' }
    await scene.api.patch(rollouts, key, 'merge', { status }, asStatus)
    leader.tell(created, 'Aborted', { since: status.since })
    await until(() => scene.counted.length === 1)
    await leader.end()
    await until(async () => (await scene.status()).recent !== undefined)
    const blockedBy = { reason: 'Quarantined', message: 'it failed', since: timestamp() }
    await scene.api.patch(rollouts, key, 'merge', { status: { blockedBy } }, asStatus)
    await until(() => standby.sees('checkout')?.['blockedBy'] !== undefined)
    standby.lead()
    await until(() => scene.counted.length === 2)
    assert.deepEqual(bodies(scene), [
      'shop/checkout: Aborted. because of Aborted',
      'shop/checkout: Quarantined. it failed',
    ])
  }))

test('a Notification says what is wrong with it, without a secret', async () => {
  const rows: [spec: object, reason: string, message: RegExp][] = [
    [{ slack: { secretRef: { name: 'gone' } } }, 'Failing', /there is no Secret gone/],
    [
      { slack: undefined, webhook: { url: 'https://example.com/x' } },
      'Failing',
      /https:\/\/example.com is not among the hosts/,
    ],
  ]
  for (const [spec, reason, message] of rows) {
    await scene(
      ['reset'],
      async ({ begin, status }) => {
        const { tell } = await begin()
        tell(about(), 'Aborted', {})
        await until(async () => {
          const { conditions } = await status()
          return message.test(conditions?.[0]?.message ?? '')
        })
        assert.equal((await status()).conditions?.[0]?.reason, reason)
      },
      spec,
    )
  }
})

test('only what a Notification asks for is told', () =>
  scene(
    [{ code: 200, text: 'ok' }],
    async (scene) => {
      const { tell } = await scene.begin()
      const { metadata, ...object } = about()
      const labelled = { ...object, metadata: { ...metadata, labels: { team: 'a' } } } as KubeObject
      const elsewhere = { ...labelled, metadata: { ...labelled.metadata, namespace: 'other' } }
      tell(about(), 'Promoted', {})
      tell(elsewhere as KubeObject, 'Promoted', {})
      tell(labelled, 'Started', {})
      tell(labelled, 'PodsNotReady', {})
      tell(labelled, 'Promoted', {})
      await until(() => scene.counted.length === 1)
      assert.deepEqual(bodies(scene), ['<checkout> Promoted'])
    },
    {
      selector: { matchLabels: { team: 'a' } },
      reasons: ['Promoted'],
      text: '<{{name}}> {{reason}}',
    },
  ))

test('what comes and goes by itself is told once in ten minutes', () =>
  scene(
    [{ code: 200, text: 'ok' }],
    async (scene) => {
      const { tell } = await scene.begin()
      for (let i = 0; i < 5; i += 1) tell(about(), 'MetricsUnavailable', { attempt: 1, step: 2 })
      const since = new Date(clock.now() + 1_000).toISOString()
      tell(about(), 'MetricsUnavailable', { attempt: 1, step: 3, since })
      await until(() => scene.counted.length === 2)
    },
    { reasons: ['MetricsUnavailable'] },
  ))
