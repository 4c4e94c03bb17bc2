// Messages of Git hosts in, GitSources to look at now out. A message is only a hint: it names a repository, and
// what happened there is read from Git. Each controller listens; one that does not lead passes the hint on by an
// annotation, which the leader sees.
import type { GitSource } from '../../crds/git-source.ts'
import { parseGitSource } from '../../crds/parse.ts'
import { type Headers, isSameRepository } from '../../git/webhook/webhook.ts'
import { createWebhookHandler, type WebhookAnswer } from '../../git/webhook/webhook-handler.ts'
import type { KubeApi, KubeObject } from '../../kube/api.ts'
import type { Clock } from '../../kube/clock.ts'
import { gitSources } from '../../kube/resources.ts'
import type { World } from '../observe/world.ts'
import { isSame } from '../rollout/stored.ts'
import { readSecretValue } from './secrets.ts'
import { hintAnnotation } from './sync.ts'

export interface WebhookDesk {
  readonly api: Pick<KubeApi, 'get' | 'patch'>
  readonly world: Pick<World, 'sources'>
  readonly clock: Clock
  readonly isLeading: () => boolean
  /** The GitSource is to be read now. */
  readonly onHint: (namespace: string, name: string) => void
  readonly onError: (error: unknown, about: string) => void
}

export interface WebhookMessage {
  /** `/webhooks/NAMESPACE/NAME` of a GitSource. */
  readonly path: string
  readonly headers: Headers
  readonly body: Buffer
}

export interface WebhookReply extends Omit<WebhookAnswer, 'hint'> {
  /** What is left to do once the host has its answer. Never rejects. */
  readonly afterwards?: () => Promise<void>
}

export type Webhooks = (message: WebhookMessage) => Promise<WebhookReply>

/** How long a webhook secret is remembered, ms: messages of strangers must not reach the API server. */
const secretMs = 60_000

interface Endpoint {
  /** As stored: objects of the stores are frozen, so the same one says the same. */
  readonly raw: unknown
  readonly spec: GitSource['spec']
  readonly handle: ReturnType<typeof createWebhookHandler>
}

const nowhere: WebhookReply = { status: 404, because: 'no GitSource takes webhooks here' }

export function createWebhooks(desk: WebhookDesk): Webhooks {
  const endpoints = new Map<string, Endpoint>()
  return async ({ path, headers, body }) => {
    const [, namespace = '', name = ''] =
      /^\/webhooks\/([^/]{1,253})\/([^/]{1,253})$/.exec(path) ?? []
    const endpoint = endpointAt(desk, endpoints, { namespace, name })
    if (!endpoint) return nowhere
    const { spec } = endpoint
    const { hint, ...answer } = await endpoint.handle(headers, body)
    if (!hint) return answer
    const isOurs = hint.repositories.some((url) => isSameRepository(url, spec.repository))
    const isBranch = hint.branch === null || hint.branch === spec.branch
    if (!isOurs || !isBranch) return { status: 200, because: 'it speaks of something else' }
    return { ...answer, afterwards: () => passOn(desk, namespace, name) }
  }
}

function endpointAt(
  desk: WebhookDesk,
  endpoints: Map<string, Endpoint>,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Endpoint | null {
  const key = `${namespace}/${name}`
  const object = namespace === '' ? undefined : desk.world.sources.get(namespace, name)
  const known = endpoints.get(key)
  if (object && known && known.raw === object['spec']) return known
  endpoints.delete(key)
  if (!object) return null
  const { status: _, ...rest } = object
  const parsed = parseGitSource(rest as KubeObject)
  const webhook = parsed.ok ? parsed.value.spec.webhook : undefined
  if (!parsed.ok || !webhook) return null
  // What was delivered before stays known while people change something else.
  const isAsBefore = isSame(known?.spec.webhook, webhook)
  const handle = known && isAsBefore ? known.handle : handlerOf(desk, { namespace, name, webhook })
  const endpoint = { raw: object['spec'], spec: parsed.value.spec, handle }
  endpoints.set(key, endpoint)
  return endpoint
}

interface Webhook {
  readonly namespace: string
  readonly name: string
  readonly webhook: NonNullable<GitSource['spec']['webhook']>
}

function handlerOf(
  { api, clock, onError }: WebhookDesk,
  { namespace, name, webhook }: Webhook,
): Endpoint['handle'] {
  let known: { readonly secret: Promise<string>; readonly atMs: number } | null = null
  const secret = () => {
    const now = clock.monotonic()
    if (known && now - known.atMs < secretMs) return known.secret
    const ref = { namespace, name: webhook.secretRef.name, key: 'webhook-secret' }
    const read = readSecretValue(api, ref).catch((error) => {
      onError(error, `${namespace}/${name}`)
      // Empty: the endpoint is off.
      return ''
    })
    known = { secret: read, atMs: now }
    return read
  }
  return createWebhookHandler({ kind: webhook.kind, secret, now: () => clock.now() })
}

async function passOn(desk: WebhookDesk, namespace: string, name: string): Promise<void> {
  const { api, clock, isLeading, onHint, onError } = desk
  if (isLeading()) return onHint(namespace, name)
  const annotations = { [hintAnnotation]: new Date(clock.now()).toISOString() }
  await api
    .patch(gitSources, { namespace, name }, 'merge', { metadata: { annotations } })
    .catch((error) => onError(error, `${namespace}/${name}`))
}
