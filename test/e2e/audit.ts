// The audit log of the API server in, what accounts of the chart did out: verbs on resources, by credential.
import { readFile } from 'node:fs/promises'
import { z } from 'zod'

const Entry = z.object({
  verb: z.string(),
  user: z.object({
    username: z.string(),
    extra: z.record(z.string(), z.array(z.string())).optional(),
  }),
  objectRef: z
    .object({
      resource: z.string().default(''),
      subresource: z.string().default(''),
      apiGroup: z.string().default(''),
      namespace: z.string().default(''),
      name: z.string().default(''),
    })
    .optional(),
  responseStatus: z.object({ code: z.number().default(0) }).optional(),
  requestReceivedTimestamp: z.string(),
})

export interface Deed {
  readonly atMs: number
  readonly verb: string
  readonly group: string
  /** With its subresource, as rules name it. */
  readonly resource: string
  readonly namespace: string
  readonly name: string
  readonly code: number
  /** Tells tokens of the same account apart. */
  readonly credential: string
}

const credentialKey = 'authentication.kubernetes.io/credential-id'

/** What controllers did, oldest first. The server writes the log as it answers. */
export async function readDeeds(auditLogPath: string): Promise<Deed[]> {
  const text = await readFile(auditLogPath, 'utf8')
  const lines = text.split('\n').filter((line) => line.includes(':sluice"'))
  return lines.flatMap((line) => {
    const { verb, user, objectRef, responseStatus, ...rest } = Entry.parse(JSON.parse(line))
    if (!objectRef || !user.username.endsWith(':sluice')) return []
    const { resource, subresource, apiGroup: group, namespace, name } = objectRef
    const [credential = ''] = user.extra?.[credentialKey] ?? []
    return [
      {
        ...{ verb, group, namespace, name, credential },
        resource: subresource === '' ? resource : `${resource}/${subresource}`,
        code: responseStatus?.code ?? 0,
        atMs: Date.parse(rest.requestReceivedTimestamp),
      },
    ]
  })
}

const reading = ['get', 'list', 'watch']

export const isWrite = ({ verb, code }: Deed): boolean => !reading.includes(verb) && code < 400
