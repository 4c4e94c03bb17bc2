// An API server in, plain HTTP requests in a namespace of their own out.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, fetch } from 'undici'

/** An API server, and what the suite may do to it besides requests. */
export interface Subject {
  readonly url: string
  /** Bearer token of an administrator, where it wants one. */
  readonly token?: string
  /** PEM of its authority, for https. */
  readonly authority?: string
  /** Tells runs on the same server apart; a DNS label. */
  readonly run: string
  /** Makes the server forget old revisions. */
  compact(): Promise<void>
  close(): Promise<void>
}

export interface Reply {
  readonly code: number
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever the server answers
  readonly body: any
  readonly warning: string | null
}

export interface Seen {
  readonly type: string
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever the server sends
  readonly object: any
}

export interface World {
  /** Deletes the namespace. */
  close(): Promise<void>
  readonly subject: Subject
  readonly namespace: string
  /** Collections in the namespace. */
  readonly widgets: string
  readonly configMaps: string
  readonly pods: string
  readonly replicaSets: string
  readonly rollouts: string
  send(method: string, path: string, body?: unknown, type?: string): Promise<Reply>
  get(path: string, accept?: string): Promise<Reply>
  merge(path: string, body: unknown): Promise<Reply>
  apply(path: string, manager: string, body: unknown, query?: string): Promise<Reply>
  /** The first `count` events of a watch; fewer when the server ends it or nothing comes for long. */
  watch(path: string, count: number, whenOpen?: () => Promise<unknown>): Promise<Seen[]>
  /** Asks until the answer has this code; collectors and controllers take their time. */
  untilCode(path: string, code: number): Promise<void>
}

const patienceMs = 15_000
// A collector looks for new kinds every 30 s.
const collectionPatienceMs = 60_000

export async function createWorld(subject: Subject, namespace: string): Promise<World> {
  const { url, token, authority } = subject
  const agent = new Agent(authority === undefined ? {} : { connect: { ca: authority } })
  const headers = (more: Record<string, string>) => ({
    'user-agent': 'tester/1',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...more,
  })
  const request = async (
    method: string,
    path: string,
    more: Record<string, string>,
    body?: unknown,
  ) => {
    const response = await fetch(url + path, {
      method,
      headers: headers(more),
      dispatcher: agent,
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const warning = response.headers.get('warning')
    return { code: response.status, body: text.startsWith('{') ? JSON.parse(text) : text, warning }
  }
  const send: World['send'] = (method, path, body, type = 'application/json') =>
    request(method, path, { 'content-type': type }, body)
  const of = (group: string, plural: string) => `/${group}/namespaces/${namespace}/${plural}`
  const created = await send('POST', '/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace },
  })
  assert.equal(created.code, 201, created.body.message)
  const world: World = {
    subject,
    namespace,
    widgets: of('apis/test.dev/v1', 'widgets'),
    configMaps: of('api/v1', 'configmaps'),
    pods: of('api/v1', 'pods'),
    replicaSets: of('apis/apps/v1', 'replicasets'),
    rollouts: of('apis/sluice.dev/v1alpha1', 'rollouts'),
    send,
    get: (path, accept = 'application/json') => request('GET', path, { accept }),
    merge: (path, body) => send('PATCH', path, body, 'application/merge-patch+json'),
    apply: (path, manager, body, query = '') =>
      send(
        'PATCH',
        `${path}?fieldManager=${manager}${query}`,
        body,
        'application/apply-patch+yaml',
      ),
    watch: (path, count, whenOpen) =>
      collect({ url: url + path, headers: headers({}), agent, count }, whenOpen),
    async untilCode(path, code) {
      const deadlineAtMs = Date.now() + collectionPatienceMs
      for (;;) {
        const reply = await world.get(path)
        if (reply.code === code) return
        assert.ok(Date.now() < deadlineAtMs, `${path} is ${reply.code}, not ${code}`)
        await sleep(20)
      }
    },
    async close() {
      await send('DELETE', `/api/v1/namespaces/${namespace}`)
      await agent.close()
    },
  }
  return world
}

async function collect(
  given: {
    readonly url: string
    readonly headers: Record<string, string>
    readonly agent: Agent
    readonly count: number
  },
  whenOpen?: () => Promise<unknown>,
): Promise<Seen[]> {
  const abort = new AbortController()
  const limit = setTimeout(() => abort.abort(), patienceMs)
  const seen: Seen[] = []
  try {
    const { url, headers, agent: dispatcher } = given
    const response = await fetch(url, { headers, dispatcher, signal: abort.signal })
    await whenOpen?.()
    let rest = ''
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      seen.push(...lines.map((line): Seen => JSON.parse(line)))
      if (seen.length >= given.count) break
    }
  } catch (error) {
    if (!abort.signal.aborted) throw error
  } finally {
    clearTimeout(limit)
    abort.abort()
  }
  return seen
}

export function widget(name: string, spec: object = {}, metadata: object = {}) {
  return { apiVersion: 'test.dev/v1', kind: 'Widget', metadata: { name, ...metadata }, spec }
}

export function configMap(name: string, data: object = {}, metadata: object = {}) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data }
}

export function replicaSet(name: string, replicas = 0, container: object = {}) {
  const labels = { app: name }
  const containers = [{ name: 'app', image: 'app:1', ...container }]
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name, labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    },
  }
}

export function rollout(name: string, spec: object = {}) {
  const labels = { app: name }
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Rollout',
    metadata: { name },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: 'app', image: 'app:1' }] },
      },
      traffic: { istio: { host: name } },
      canary: { steps: [{ weight: 5 }, { weight: 50 }] },
      ...spec,
    },
  }
}

/** What managers own, by their names. */
export async function ownership({ get }: World, path: string): Promise<Record<string, unknown>> {
  const { metadata } = (await get(path)).body
  const entries: { manager: string; fieldsV1: unknown }[] = metadata.managedFields
  return Object.fromEntries(entries.map((entry) => [entry.manager, entry.fieldsV1]))
}
