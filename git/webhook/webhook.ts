// The headers and raw bytes of a message in; whether the host signed it, and which repository to look at now, out
// (pure). What it says is only a hint: content always comes from Git.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'

export const webhookKinds = ['github', 'gitlab', 'gitea', 'bitbucket'] as const
export type WebhookKind = (typeof webhookKinds)[number]

export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

export interface WebhookMessage {
  readonly kind: WebhookKind
  /** Empty switches the endpoint off. */
  readonly secret: string
  /** Names in lower case, as node:http gives them. */
  readonly headers: Headers
  readonly body: Buffer
  readonly nowMs: number
}

export interface Hint {
  /** Addresses of one repository: compare with `isSameRepository`. */
  readonly repositories: readonly string[]
  /** Null when the message names none: then any branch may have moved. */
  readonly branch: string | null
}

export type Verified =
  | { readonly ok: true; readonly delivery: string; readonly hint: Hint | null }
  | { readonly ok: false; readonly status: 400 | 401 | 404 | 413; readonly because: string }

/** A larger message is not read: the poll finds what it would have told. */
export const maxWebhookBytes = 1024 * 1024
const timestampToleranceMs = 5 * 60_000
const maxSecretCharacters = 4_096

export function verifyWebhook(message: WebhookMessage): Verified {
  const { secret, body, kind } = message
  if (secret === '' || secret.length > maxSecretCharacters) {
    return no(404, 'no webhook secret is set')
  }
  if (body.length > maxWebhookBytes) return no(413, 'the message is larger than 1 MiB')
  if (!isSigned[kind](message)) return no(401, 'the signature is missing or wrong')
  const payload = parse(body)
  if (payload === undefined) return no(400, 'the message is no JSON; choose application/json')
  return { ok: true, delivery: deliveryOf(message), hint: hintOf(payload) }
}

/** One check for each kind: none accepts the header of another, which may be of a weaker form. */
const isSigned: Readonly<Record<WebhookKind, (message: WebhookMessage) => boolean>> = {
  github: (message) => isDigest(message, 'x-hub-signature-256', 'sha256='),
  bitbucket: (message) => isDigest(message, 'x-hub-signature', 'sha256='),
  gitea: (message) =>
    ['x-forgejo-signature', 'x-gitea-signature'].some(
      (name) => message.headers[name] !== undefined && isDigest(message, name, ''),
    ),
  gitlab: (message) =>
    message.headers['webhook-signature'] === undefined
      ? isToken(message)
      : isStandardWebhook(message),
}

function isDigest({ headers, body, secret }: WebhookMessage, name: string, prefix: string) {
  const value = one(headers, name)
  if (!value.startsWith(prefix)) return false
  const hex = value.slice(prefix.length)
  if (!/^[0-9a-f]{64}$/i.test(hex)) return false
  return areEqual(Buffer.from(hex, 'hex'), createHmac('sha256', secret).update(body).digest())
}

/** Digests, since the token itself may have any length. */
function isToken({ headers, secret }: WebhookMessage): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  const token = one(headers, 'x-gitlab-token')
  return token !== '' && areEqual(digest(token), digest(secret))
}

/** `webhook-signature: v1,<base64>`, several separated by spaces while keys rotate. */
function isStandardWebhook({ headers, body, secret, nowMs }: WebhookMessage): boolean {
  const [id, timestamp] = [one(headers, 'webhook-id'), one(headers, 'webhook-timestamp')]
  if (id === '' || !/^[0-9]{1,12}$/.test(timestamp)) return false
  if (Math.abs(nowMs - Number(timestamp) * 1_000) > timestampToleranceMs) return false
  const key = secret.startsWith('whsec_')
    ? Buffer.from(secret.slice('whsec_'.length), 'base64')
    : Buffer.from(secret)
  if (key.length === 0) return false
  const wanted = createHmac('sha256', key)
    .update(`${id}.${timestamp}.`)
    .update(body)
    .digest('base64')
  return one(headers, 'webhook-signature')
    .split(' ')
    .slice(0, 8)
    .some((signature) => {
      const [version, text = ''] = signature.split(',')
      return version === 'v1' && areEqual(Buffer.from(text), Buffer.from(wanted))
    })
}

function areEqual(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/** The value of a header that came once; else the empty text. */
function one(headers: Headers, name: string): string {
  const value = headers[name]
  return typeof value === 'string' ? value : ''
}

function deliveryOf({ headers, body }: WebhookMessage): string {
  const names = [
    'x-github-delivery',
    'webhook-id',
    'idempotency-key',
    'x-gitlab-event-uuid',
    'x-forgejo-delivery',
    'x-gitea-delivery',
    'x-request-uuid',
    'x-request-id',
  ]
  const id = names.map((name) => one(headers, name)).find((value) => value !== '')
  return (id ?? createHash('sha256').update(body).digest('hex')).slice(0, 128)
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) ?? undefined
  } catch {
    return undefined
  }
}

const Text = z.string().max(2_048).optional().catch(undefined)
const Link = z.object({ href: Text }).optional().catch(undefined)
const Repository = z
  .object({
    clone_url: Text,
    ssh_url: Text,
    html_url: Text,
    git_http_url: Text,
    git_ssh_url: Text,
    web_url: Text,
    links: z
      .object({ html: Link, clone: z.array(Link).max(8).optional().catch(undefined) })
      .optional()
      .catch(undefined),
  })
  .optional()
  .catch(undefined)
const Named = z.object({ name: Text, type: Text }).nullish().catch(undefined)
const Changes = z
  .array(z.object({ new: Named, refId: Text }))
  .max(64)
  .optional()
  .catch(undefined)
/** The fields of all hosts in one: each is optional, and what has another form is left out. */
const Payload = z.object({
  ref: Text,
  repository: Repository,
  project: Repository,
  push: z.object({ changes: Changes }).optional().catch(undefined),
  changes: Changes,
  pull_request: z
    .object({ base: z.object({ ref: Text }).optional().catch(undefined) })
    .optional()
    .catch(undefined),
  object_attributes: z.object({ target_branch: Text }).optional().catch(undefined),
})

/** Null for a message that names no repository, such as a ping of some hosts. */
function hintOf(value: unknown): Hint | null {
  const payload = Payload.safeParse(value)
  if (!payload.success) return null
  const { ref, repository, project, push, changes, pull_request, object_attributes } = payload.data
  const repositories = [repository, project].flatMap((one) =>
    [
      one?.clone_url,
      one?.ssh_url,
      one?.html_url,
      one?.git_http_url,
      one?.git_ssh_url,
      one?.web_url,
      one?.links?.html?.href,
      ...(one?.links?.clone ?? []).map((link) => link?.href),
    ].filter((url) => url !== undefined),
  )
  if (repositories.length === 0) return null
  const all = push?.changes ?? changes ?? []
  const moved = all.flatMap((change) => change.new?.name ?? branchOf(change.refId) ?? [])
  const named = branchOf(ref) ?? pull_request?.base?.ref ?? object_attributes?.target_branch
  // Several branches in one message: any may be the one that is followed.
  const branch = named ?? (moved.length === 1 ? moved[0] : undefined)
  return { repositories: [...new Set(repositories)], branch: branch ?? null }
}

function branchOf(ref: string | undefined): string | undefined {
  return ref?.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : undefined
}

/** The same host and path, whatever the scheme, the user, the port of ssh or a `.git` at the end. */
export function isSameRepository(a: string, b: string): boolean {
  const [left, right] = [placeOf(a), placeOf(b)]
  return left !== null && left === right
}

function placeOf(url: string): string | null {
  const scp = /^[\w.-]{1,64}@([\w.-]{1,255}):(?!\/\/)(.+)$/.exec(url)
  const text = scp ? `ssh://${scp[1]}/${scp[2]}` : url
  if (!URL.canParse(text)) return null
  const { hostname, pathname } = new URL(text)
  const path = pathname.replace(/^\/+|\/+$/g, '').replace(/\.git$/, '')
  return `${hostname.toLowerCase()}/${path.toLowerCase()}`
}

function no(status: 400 | 401 | 404 | 413, because: string): Verified {
  return { ok: false, status, because }
}
