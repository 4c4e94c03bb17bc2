// Texts of CustomResourceDefinitions in, kinds that the API server serves out: Sluice's and the mesh's.
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'
import type { KubeApi, KubeObject, Resource } from '../../kube/api.ts'
import { systemClock } from '../../kube/clock.ts'
import { readCrdFolders } from '../../lab/apiserver/crd-files.ts'

const definitions: Resource = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
}

const Definition = z.looseObject({
  apiVersion: z.literal('apiextensions.k8s.io/v1'),
  kind: z.literal('CustomResourceDefinition'),
  metadata: z.looseObject({ name: z.string() }),
})

const Conditions = z.array(z.looseObject({ type: z.string(), status: z.string() })).catch([])

const limitMs = 30_000
const pauseMs = 50
const repository = join(import.meta.dirname, '..', '..')

/** Sluice's own, and the mesh's from a folder or, without one, those of the lab, which take any spec. */
export function readDefinitions(meshFolder: string | undefined): Promise<string[]> {
  return readCrdFolders(join(repository, 'crds'), meshFolder ?? join(repository, 'lab', 'crds'))
}

/** Applies all and waits until each is served. */
export async function install(api: KubeApi, texts: readonly string[]): Promise<void> {
  const documents = texts.flatMap((text) => parseAllDocuments(text, { version: '1.1' }))
  const found = documents.flatMap((document) => {
    const parsed = Definition.safeParse(document.toJS())
    return parsed.success ? [parsed.data] : []
  })
  for (const definition of found) {
    const given = { fieldManager: 'sluice-e2e', force: true }
    await api.patch(definitions, definition.metadata, 'apply', definition, given)
  }
  for (const { metadata } of found) await untilServed(api, metadata.name)
}

async function untilServed(api: KubeApi, name: string): Promise<void> {
  const deadlineAtMs = Date.now() + limitMs
  while (!isEstablished(await api.get(definitions, { name }))) {
    if (Date.now() > deadlineAtMs) throw new Error(`${name} is not served after ${limitMs} ms`)
    await systemClock.sleep(pauseMs)
  }
}

function isEstablished(definition: KubeObject): boolean {
  const conditions = Conditions.parse(definition['status']?.conditions)
  return conditions.some(({ type, status }) => type === 'Established' && status === 'True')
}
