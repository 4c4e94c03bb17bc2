// The part all objects share: untrusted JSON in, a KubeObject with a sound envelope out.
import { z } from 'zod'
import type { KubeObject } from '../../kube/api.ts'
import { objectOf } from './json.ts'
import { apiVersionOf, type Kind } from './kinds.ts'
import { badRequest, type Cause } from './status-error.ts'

const StringMap = z.record(z.string(), z.string())

const Metadata = z.looseObject({
  name: z.string().max(253).optional(),
  generateName: z.string().max(253).nullish(),
  namespace: z.string().max(253).nullish(),
  uid: z.string().nullish(),
  resourceVersion: z.string().nullish(),
  labels: StringMap.nullish(),
  annotations: StringMap.nullish(),
  finalizers: z.array(z.string()).nullish(),
  ownerReferences: z
    .array(
      z.looseObject({
        apiVersion: z.string(),
        kind: z.string(),
        name: z.string(),
        uid: z.string(),
      }),
    )
    .nullish(),
})

/** Reads an object; `kind` fills in what a body may leave out. Fails with 400. */
export function parseObject(value: unknown, kind?: Kind): KubeObject {
  const body = objectOf(value)
  const metadata = Metadata.safeParse(body['metadata'] ?? {})
  if (!metadata.success) throw badRequest(`metadata: ${z.prettifyError(metadata.error)}`)
  const { apiVersion = kind && apiVersionOf(kind), kind: name = kind?.kind } = body
  if (typeof apiVersion !== 'string' || apiVersion === '') {
    throw badRequest("Object 'apiVersion' is missing")
  }
  if (typeof name !== 'string' || name === '') throw badRequest("Object 'Kind' is missing")
  const present = Object.entries(metadata.data).filter(([, part]) => part !== null)
  return {
    ...body,
    apiVersion,
    kind: name,
    metadata: { ...Object.fromEntries(present), name: metadata.data.name ?? '' },
  }
}

/** Reads an object that must be of this kind. */
export function parseObjectOf(kind: Kind, value: unknown): KubeObject {
  const object = parseObject(value, kind)
  const expected = apiVersionOf(kind)
  if (object.apiVersion !== expected) {
    throw badRequest(
      `the API version in the data (${object.apiVersion}) does not match the expected API version (${expected})`,
    )
  }
  if (object.kind !== kind.kind) {
    throw badRequest(`${object.kind} in data does not match the expected kind ${kind.kind}`)
  }
  return object
}

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const labelName = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)$/

export function validateMetadata({ metadata }: KubeObject): Cause[] {
  const causes: Cause[] = []
  if (metadata.name === '') {
    causes.push(
      cause(
        'FieldValueRequired',
        'metadata.name',
        'Required value: name or generateName is required',
      ),
    )
  } else if (!subdomain.test(metadata.name)) {
    const why =
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
    causes.push(
      cause('FieldValueInvalid', 'metadata.name', `Invalid value: "${metadata.name}": ${why}`),
    )
  }
  for (const [name, value] of Object.entries(metadata.labels ?? {})) {
    const [key = '', ...prefix] = name.split('/').reverse()
    const isName = key.length <= 63 && labelName.test(key) && prefix.length <= 1
    const isValue = value === '' || (value.length <= 63 && labelName.test(value))
    if (isName && isValue) continue
    const wrong = isName ? value : name
    const why =
      "must be 63 characters or less of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
    causes.push(cause('FieldValueInvalid', 'metadata.labels', `Invalid value: "${wrong}": ${why}`))
  }
  return causes
}

/** What is being deleted can not be held by more. */
export function validateFinalizers(before: KubeObject, after: KubeObject): Cause[] {
  if (before.metadata.deletionTimestamp === undefined) return []
  const held = before.metadata.finalizers ?? []
  const added = (after.metadata.finalizers ?? []).filter((one) => !held.includes(one))
  if (added.length === 0) return []
  const message = `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`
  return [{ reason: 'FieldValueForbidden', field: 'metadata.finalizers', message }]
}

function cause(reason: string, field: string, message: string): Cause {
  return { reason, field, message }
}
