// A webhook check in, the number that its answer holds at the path out. Only hosts that the operator allows are
// asked.
import type { WebhookCheck } from '../../crds/provider-check.ts'
import type { Question } from '../ask/source.ts'
import type { Reading } from '../judge/reading.ts'
import { fill } from '../promql-text.ts'
import { placeholdersOf, type Target } from '../query/query.ts'
import type { SourceContext } from './context.ts'
import { askJson, soundValue } from './json-client.ts'

export async function askWebhook(
  { check, target, atMs }: Question,
  { secret, hosts }: SourceContext,
): Promise<Reading> {
  const asked = check.webhook
  if (!asked) return { kind: 'error', because: 'this is no webhook check' }
  const url = urlOf(asked, target)
  if (url === null) return { kind: 'error', because: 'its url is none, once it is filled in' }
  const refusal = hosts.refusal(url)
  if (refusal !== null) return { kind: 'error', because: refusal }
  const body = bodyOf(asked, { target, atMs })
  if (body !== null && 'problem' in body) return { kind: 'error', because: `body: ${body.problem}` }
  const headers = await headersOf(asked, target, secret)
  const answer = await askJson({
    ...{ url, method: asked.method, lookup: hosts.lookupFor(url) },
    ...(body === null ? {} : { body: body.text }),
    headers: { ...(body === null ? {} : { 'Content-Type': 'application/json' }), ...headers },
  })
  return readingAt(soundValue(answer, url.host), asked.path)
}

function urlOf({ url }: WebhookCheck, target: Target): URL | null {
  const values = placeholdersOf(target)
  const filled = url.replace(/\{\{\s*(\w+)\s*\}\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? encodeURIComponent(values[name] ?? '') : whole,
  )
  const parsed = URL.canParse(filled) ? new URL(filled) : null
  const isPlain = parsed?.username === '' && parsed.password === ''
  return parsed && isPlain && /^https?:$/.test(parsed.protocol) ? parsed : null
}

function bodyOf(
  { method, body }: WebhookCheck,
  { target, atMs }: { readonly target: Target; readonly atMs: number },
): ReturnType<typeof fill> | null {
  if (method === 'GET') return null
  const values = placeholdersOf(target)
  if (body !== undefined) {
    return fill(body, (name) => (Object.hasOwn(values, name) ? values[name] : undefined))
  }
  const windowSeconds = target.windowMs / 1_000
  return { text: JSON.stringify({ ...values, windowSeconds, at: new Date(atMs).toISOString() }) }
}

async function headersOf(
  { headers = [] }: WebhookCheck,
  { namespace }: Target,
  secret: SourceContext['secret'],
): Promise<Readonly<Record<string, string>>> {
  const pairs = headers.map(async ({ name, value = '', secretRef }) => {
    const text = secretRef ? await secret({ namespace, ...secretRef }) : value
    return [name, text.replace(/[^\x20-\x7e]/g, '')] as const
  })
  return Object.fromEntries(await Promise.all(pairs))
}

/** `$.data[0].value`: fields and items, nothing that walks or filters. */
function readingAt(value: unknown, path: string): Reading {
  let found = value
  for (const [, field, item] of path.matchAll(/\.([A-Za-z_][A-Za-z0-9_-]*)|\[([0-9]{1,4})\]/g)) {
    if (Array.isArray(found) && item !== undefined) found = found[Number(item)]
    else if (isPlainObject(found) && field !== undefined && Object.hasOwn(found, field)) {
      found = found[field]
    } else found = undefined
  }
  if (typeof found === 'boolean') return { kind: 'value', value: found ? 1 : 0 }
  if (typeof found === 'number' && Number.isFinite(found)) return { kind: 'value', value: found }
  if (found === null || found === undefined) {
    return { kind: 'inconclusive', because: `the answer has nothing at ${path}` }
  }
  return { kind: 'error', because: `the answer has no number at ${path}` }
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
