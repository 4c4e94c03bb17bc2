// Requests: bytes and query text in, bodies and write options out. Everything here is untrusted.
import type { IncomingMessage } from 'node:http'
import { parse as parseYaml } from 'yaml'
import type { FieldValidation } from './admission.ts'
import { apiVersionOf, type Kind } from './kinds.ts'
import { badRequest, tooLarge, unsupportedMediaType } from './status-error.ts'
import type { WriteOptions } from './writes.ts'

export interface ApiRequest {
  readonly method: string
  readonly segments: readonly string[]
  readonly query: URLSearchParams
  readonly accept: string
  readonly contentType: string
  readonly userAgent: string
  readonly authorization: string
  readonly text: string
}

export async function readRequest(
  message: IncomingMessage,
  bodyLimitBytes: number,
): Promise<ApiRequest> {
  const url = new URL(message.url ?? '/', 'http://lab')
  const { headers } = message
  return {
    method: message.method ?? 'GET',
    segments: url.pathname.split('/').filter(Boolean).map(decode),
    query: url.searchParams,
    accept: headers.accept ?? 'application/json',
    contentType: (headers['content-type'] ?? '').split(';')[0]?.trim() ?? '',
    userAgent: headers['user-agent'] ?? '',
    authorization: headers.authorization ?? '',
    text: await readText(message, bodyLimitBytes),
  }
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw badRequest(`the path segment ${segment} is not valid`)
  }
}

/** A body that is too large is read to its end all the same, so that the client sees why it is refused. */
async function readText(message: IncomingMessage, limitBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of message) {
    const bytes = Buffer.from(chunk)
    sizeBytes += bytes.length
    if (sizeBytes <= limitBytes) chunks.push(bytes)
    if (sizeBytes > 8 * limitBytes) break
  }
  if (sizeBytes > limitBytes) throw tooLarge(limitBytes)
  return Buffer.concat(chunks).toString()
}

const bodyTypes = ['application/json', 'application/yaml']

/** The body of a create, replace or delete. */
export function parseBody(request: ApiRequest): unknown {
  const type = request.contentType || 'application/json'
  if (!bodyTypes.includes(type)) throw unsupportedMediaType(type, bodyTypes)
  if (request.text === '') return undefined
  return type === 'application/yaml' ? parseYamlText(request.text) : parseJsonText(request.text)
}

export function parseJsonText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw badRequest(`the object provided is unrecognized: couldn't parse JSON: ${why}`)
  }
}

/** YAML as kubectl reads it (1.1); JSON is YAML too, and much faster to read as such. */
export function parseYamlText(text: string): unknown {
  if (text.trimStart().startsWith('{')) return parseJsonText(text)
  try {
    return parseYaml(text, { version: '1.1', maxAliasCount: 100 })
  } catch (error) {
    throw badRequest(`error decoding YAML: ${error instanceof Error ? error.message : error}`)
  }
}

const validations: readonly FieldValidation[] = ['Strict', 'Warn', 'Ignore']

export interface Writing {
  readonly kind: Kind
  readonly subresource: string
  readonly operation: 'Apply' | 'Update'
}

export function parseWriteOptions(request: ApiRequest, writing: Writing): WriteOptions {
  const { query } = request
  const asked = query.get('fieldValidation') || 'Warn'
  const fieldValidation = validations.find((one) => one === asked)
  if (!fieldValidation) throw badRequest(`fieldValidation: Unsupported value: "${asked}"`)
  return {
    manager: {
      name: query.get('fieldManager') || (request.userAgent.split('/')[0] ?? '') || 'unknown',
      operation: writing.operation,
      subresource: writing.subresource,
      apiVersion: apiVersionOf(writing.kind),
    },
    dryRun: parseDryRun(query),
    fieldValidation,
    warnings: [],
  }
}

function parseDryRun(query: URLSearchParams): boolean {
  const asked = query.getAll('dryRun').filter(Boolean)
  if (asked.some((one) => one !== 'All')) throw badRequest(`dryRun: Unsupported value: "${asked}"`)
  return asked.length > 0
}
