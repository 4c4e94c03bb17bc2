// Discovery: the kinds that are served, as /api, /apis and their group documents.
import type { JsonObject } from './json.ts'
import { apiVersionOf, type Kind, podStorage } from './kinds.ts'

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']

export function apiVersions(): JsonObject {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }
}

export function groupList(kinds: readonly Kind[]): JsonObject {
  const groups = [...new Set(kinds.map((kind) => kind.group))].filter((group) => group !== '')
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: groups.map((name) => groupEntry(kinds, name)),
  }
}

export function group(kinds: readonly Kind[], name: string): JsonObject | null {
  if (name === '' || !kinds.some((kind) => kind.group === name)) return null
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(kinds, name) }
}

function groupEntry(kinds: readonly Kind[], name: string): JsonObject {
  const names = new Set(kinds.filter((kind) => kind.group === name).map((kind) => kind.version))
  const versions = [...names].map((version) => ({ groupVersion: `${name}/${version}`, version }))
  return { name, versions, preferredVersion: versions[0] }
}

export function resourceList(kinds: readonly Kind[], groupVersion: string): JsonObject | null {
  const served = kinds.filter((kind) => apiVersionOf(kind) === groupVersion)
  if (served.length === 0) return null
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion,
    resources: served.flatMap(resources),
  }
}

function resources(kind: Kind): JsonObject[] {
  const main = {
    name: kind.plural,
    singularName: kind.singular,
    namespaced: kind.namespaced,
    kind: kind.kind,
    verbs,
    ...(kind.shortNames.length > 0 && { shortNames: kind.shortNames }),
    ...(kind.categories.length > 0 && { categories: kind.categories }),
  }
  const part = (name: string, more: JsonObject) => ({
    name: `${kind.plural}/${name}`,
    singularName: '',
    namespaced: kind.namespaced,
    verbs: ['get', 'patch', 'update'],
    ...more,
  })
  return [
    main,
    ...(kind.hasStatus ? [part('status', { kind: kind.kind })] : []),
    ...(kind.storage === podStorage
      ? [part('eviction', { kind: 'Eviction', group: 'policy', version: 'v1', verbs: ['create'] })]
      : []),
    ...(kind.scale ? [part('scale', { kind: 'Scale', group: 'autoscaling', version: 'v1' })] : []),
  ]
}

export function versionInfo(): JsonObject {
  return {
    major: '1',
    minor: '32',
    gitVersion: 'v1.32.0+sluice-lab',
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: 'none',
    compiler: 'none',
    platform: 'lab',
  }
}
