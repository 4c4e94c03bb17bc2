// Seeds of the simulation in; every right that the controller would have needed there out, as rules name it.
import type { KubeApi, Resource } from '../../kube/api.ts'
import { runOne } from '../sim/run.ts'

/** Group, resource with its subresource, verb; in one string. */
export async function simulatedRights(seeds: readonly number[]): Promise<Set<string>> {
  const rights = new Set<string>()
  for (const seed of seeds) await runOne({ seed, wrap: (api) => recording(api, rights) })
  return rights
}

function recording(api: KubeApi, rights: Set<string>): KubeApi {
  const note = (verb: string, { apiVersion, plural }: Resource, subresource?: string) => {
    const group = apiVersion.includes('/') ? apiVersion.replace(/\/.*/, '') : ''
    rights.add(`${group} ${subresource ? `${plural}/${subresource}` : plural} ${verb}`)
  }
  return {
    get: (resource, ...rest) => {
      note('get', resource)
      return api.get(resource, ...rest)
    },
    list: (resource, ...rest) => {
      note('list', resource)
      return api.list(resource, ...rest)
    },
    watch: (resource, ...rest) => {
      note('watch', resource)
      return api.watch(resource, ...rest)
    },
    create: (resource, ...rest) => {
      note('create', resource)
      return api.create(resource, ...rest)
    },
    replace: (resource, object, options) => {
      note('update', resource, options?.subresource)
      return api.replace(resource, object, options)
    },
    patch: (resource, key, ...[type, body, options]) => {
      note('patch', resource, options?.subresource)
      return api.patch(resource, key, type, body, options)
    },
    delete: (resource, ...rest) => {
      note('delete', resource)
      return api.delete(resource, ...rest)
    },
  }
}
