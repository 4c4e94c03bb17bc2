// The control plane that main.ts started, as its test processes see it: a file named by SLUICE_E2E.
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import type { KubeApi } from '../../kube/api.ts'
import { systemClock } from '../../kube/clock.ts'
import { createKubeApi } from '../../kube/transport.ts'

/** What tests may know of the control plane; written by main.ts. */
export const Description = z.object({
  url: z.string(),
  etcdUrl: z.string(),
  token: z.string(),
  authority: z.string(),
  kubeconfigPath: z.string(),
  /** For files of the tests. */
  directory: z.string(),
  helm: z.string().nullable(),
  auditLogPath: z.string(),
  /** Tokens of people without any rights but what a test grants them. */
  userTokens: z.record(z.string(), z.string()),
})
export type Description = z.infer<typeof Description>

export const variable = 'SLUICE_E2E'

/** Throws where `npm run e2e` did not start the process. */
export async function currentControlPlane(): Promise<Description> {
  const path = process.env[variable]
  if (!path) throw new Error(`${variable} names no control plane: run \`npm run e2e\``)
  return Description.parse(JSON.parse(await readFile(path, 'utf8')))
}

/** As the administrator, or as the owner of another token. */
export function connectTo(
  plane: Pick<Description, 'url' | 'token' | 'authority'>,
  token = plane.token,
): KubeApi & { close(): Promise<void> } {
  const credentials = {
    server: plane.url,
    headers: async () => ({ authorization: `Bearer ${token}` }),
    tls: { ca: plane.authority },
  }
  return createKubeApi({
    server: plane.url,
    credentials,
    clock: systemClock,
    random: Math.random,
    fieldManager: 'sluice-e2e',
  })
}

const EtcdHeader = z.object({ header: z.object({ revision: z.string() }) })

/** Makes etcd forget all revisions but the last. */
export async function compact(etcdUrl: string): Promise<void> {
  const ask = async (path: string, body: unknown): Promise<unknown> => {
    const response = await fetch(etcdUrl + path, { method: 'POST', body: JSON.stringify(body) })
    if (!response.ok) throw new Error(`etcd answers ${response.status} to ${path}`)
    return response.json()
  }
  const key = Buffer.from('/').toString('base64')
  const { header } = EtcdHeader.parse(await ask('/v3/kv/range', { key }))
  await ask('/v3/kv/compaction', { revision: header.revision, physical: true })
}
