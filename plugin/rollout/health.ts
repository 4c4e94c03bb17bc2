// What the API server says about an installation in, what is well and what is not out. Pure.
import { listed } from '../../crds/listed.ts'
import { annotation } from '../../crds/names.ts'
import { type Json, list, record, text } from '../json.ts'
import { printable } from '../render.ts'
import { readRollout } from './rollout-view.ts'

export interface Symptom {
  readonly about: string
  /** `unknown` when it could not be found out, or may be meant so. */
  readonly state: 'well' | 'unknown' | 'ill'
  readonly because: string
  readonly remedy?: string
}

const kindsInUse = ['rollouts', 'analysistemplates', 'gitsources', 'notifications']

/** The kinds of Sluice, of the resources that its group serves; null when the group is not there. */
export function kindsHealth(resources: Json | null): Symptom {
  const about = 'kinds of Sluice'
  const remedy = 'install the CRDs of the chart, in the version of the controller'
  if (!resources)
    return { about, state: 'ill', because: 'sluice.dev/v1alpha1 is not served', remedy }
  const served = new Set(namesOf(resources))
  const missing = kindsInUse.filter((kind) => !served.has(kind))
  return missing.length === 0
    ? { about, state: 'well', because: `sluice.dev/v1alpha1 serves all ${kindsInUse.length}` }
    : { about, state: 'ill', because: `${missing.join(', ')} are not served`, remedy }
}

function namesOf(resources: Json): string[] {
  return list(resources['resources']).flatMap((one) => text(record(one)['name']) ?? [])
}

const meshGroups: Readonly<Record<string, { readonly group: string; readonly name: string }>> = {
  istio: { group: 'networking.istio.io', name: 'Istio' },
  linkerd: { group: 'gateway.networking.k8s.io', name: 'Gateway API, for Linkerd' },
  gatewayApi: { group: 'gateway.networking.k8s.io', name: 'Gateway API' },
}

/** `groups` are the API groups served. */
export function meshHealth(rollouts: readonly Json[], groups: ReadonlySet<string>): Symptom[] {
  const meshes = Object.entries(meshGroups)
  const wanted = meshes.filter(([field]) =>
    rollouts.some((one) => record(record(one['spec'])['traffic'])[field] !== undefined),
  )
  if (wanted.length === 0) {
    const found = meshes.filter(([, { group }]) => groups.has(group)).map(([, { name }]) => name)
    // Linkerd takes the kinds of the Gateway API: both say the same here.
    const there = [...new Set(found.map((name) => name.replace(/, for .*/, '')))]
    const because =
      there.length > 0
        ? `${listed(there)} ${there.length > 1 ? 'are' : 'is'} served, and no rollout wants a mesh`
        : 'no kinds of a mesh are served'
    return [{ about: 'mesh', state: there.length > 0 ? 'well' : 'unknown', because }]
  }
  return wanted.map(([, { group, name }]): Symptom => {
    if (groups.has(group)) return { about: 'mesh', state: 'well', because: `${name} is served` }
    const because = `rollouts want ${name}, and ${group} is not served`
    return { about: 'mesh', state: 'ill', because, remedy: `install the CRDs of ${name}` }
  })
}

export function sourcesHealth(sources: readonly Json[]): Symptom[] {
  if (sources.length === 0) {
    return [
      {
        about: 'GitSources',
        state: 'unknown',
        because: 'there are none, so nothing is read from Git',
      },
    ]
  }
  return sources.map((source): Symptom => {
    const about = `GitSource ${nameOf(source)}`
    const ready = conditionOf(source, 'Ready')
    const message = printable(text(ready['message']) ?? '')
    if (ready['status'] === 'True')
      return { about, state: 'well', because: message || 'it is ready' }
    const because = message || 'the controller has not read it yet'
    return { about, state: ready['status'] === 'False' ? 'ill' : 'unknown', because }
  })
}

export function templatesHealth(rollouts: readonly Json[], templates: readonly Json[]): Symptom[] {
  if (rollouts.length === 0) return []
  const known = new Set(templates.map(nameOf))
  const missing = rollouts.flatMap((rollout): Symptom[] => {
    const { templateRef } = record(record(rollout['spec'])['analysis'])
    const { kind, name: named } = record(templateRef)
    const name = text(named)
    const namespace = text(record(rollout['metadata'])['namespace'])
    // Those of the cluster may be hidden from who asks.
    if (kind === 'ClusterAnalysisTemplate') return []
    if (name === undefined || known.has(`${namespace}/${name}`)) return []
    const because = `AnalysisTemplate ${name} is not in its namespace`
    return [{ about: `Rollout ${nameOf(rollout)}`, state: 'ill', because, remedy: 'commit it' }]
  })
  if (missing.length > 0) return missing
  return [
    { about: 'AnalysisTemplates', state: 'well', because: 'none that a rollout wants is missing' },
  ]
}

/** Whether the controller keeps up, as far as what it wrote tells. */
export function controllerHealth(rollouts: readonly Json[]): Symptom {
  const about = 'controller'
  const behind = rollouts.filter((one) => {
    const { generation } = record(one['metadata'])
    return record(one['status'])['observedGeneration'] !== generation
  })
  if (rollouts.length === 0)
    return { about, state: 'unknown', because: 'there is no rollout to look after' }
  if (behind.length === 0) {
    return {
      about,
      state: 'well',
      because: `it has decided on each of ${rollouts.length} rollouts as it is now`,
    }
  }
  const named = behind.slice(0, 3).map(nameOf).join(', ')
  return {
    about,
    state: behind.length === rollouts.length ? 'ill' : 'unknown',
    because: `${behind.length} of ${rollouts.length} rollouts were not decided on since they changed: ${named}`,
    remedy: 'if that lasts, look whether the controller runs, and at its log',
  }
}

/** Whether a bad release could be restored in Git, as far as the objects tell; nothing is tried. */
export function revertHealth(rollouts: readonly Json[], sources: readonly Json[]): Symptom[] {
  if (rollouts.length === 0) return []
  const ready = new Set(
    sources.filter((one) => conditionOf(one, 'Ready')['status'] === 'True').map(nameOf),
  )
  const symptoms = rollouts.flatMap((object): Symptom[] => {
    const rollout = readRollout(object)
    const about = `revert of ${nameOf(object)}`
    if (record(record(object['spec'])['revert'])['mode'] === 'off') return []
    if (rollout.revert?.state === 'NeedsHuman') {
      const remedy = 'restore the release by a commit of your own'
      return [
        { about, state: 'ill', because: rollout.revert.because ?? 'a person is needed', remedy },
      ]
    }
    const source = rollout.annotations[annotation.source]
    if (source === undefined) {
      const because = 'it came from no GitSource, so a bad release is not restored in Git'
      return [{ about, state: 'unknown', because }]
    }
    const key = `${rollout.namespace}/${source}`
    if (!ready.has(key))
      return [{ about, state: 'ill', because: `its GitSource ${source} is not ready` }]
    const tried = conditionOf(sources.find((one) => nameOf(one) === key) ?? {}, 'RevertReady')
    const message = printable(text(tried['message']) ?? '')
    if (tried['status'] === 'False') return [{ about, state: 'ill', because: message }]
    if (tried['status'] === 'True') return []
    const because = `whether ${source} takes a commit was not tried yet`
    return [{ about, state: 'unknown', because: message || because }]
  })
  if (symptoms.length > 0) return symptoms
  const because = 'each GitSource in use would take the commit that restores a release'
  return [{ about: 'revert', state: 'well', because }]
}

/** Whether each check had numbers when it was asked last; the plugin itself does not reach the metrics. */
export function metricsHealth(rollouts: readonly Json[]): Symptom[] {
  const views = rollouts
    .map(readRollout)
    .filter(({ checkCount, evidence }) => checkCount + evidence.length > 0)
  if (views.length === 0) return []
  const symptoms = views.flatMap(({ namespace, name, evidence }) =>
    evidence.flatMap(({ check, outcome, value, because = '' }): Symptom[] => {
      const about = `check ${check} of ${namespace}/${name}`
      if (outcome === 'Error') {
        const remedy = 'look at the address of the metrics, their health, and the query'
        return [{ about, state: 'ill', because: because || 'the metrics did not answer', remedy }]
      }
      if (value !== undefined || outcome !== 'Inconclusive') return []
      return [{ about, state: 'unknown', because: because || 'it had no numbers when asked last' }]
    }),
  )
  const asked = views.filter(({ evidence }) => evidence.length > 0).length
  const silent = views.length - asked
  if (symptoms.length > 0) return symptoms
  if (asked === 0) {
    const because = 'no check was asked yet: the first trial tells whether its metrics are there'
    return [{ about: 'metrics', state: 'unknown', because }]
  }
  const rest = silent === 0 ? '' : `; ${silent} had no trial yet`
  return [
    {
      about: 'metrics',
      state: 'well',
      because: `each check of ${asked} rollouts had numbers when it was asked last${rest}`,
    },
  ]
}

const deliverers: readonly {
  readonly tool: string
  readonly field: 'annotations' | 'labels'
  readonly name: string
}[] = [
  { tool: 'Argo CD', field: 'annotations', name: 'argocd.argoproj.io/tracking-id' },
  { tool: 'Argo CD', field: 'labels', name: 'argocd.argoproj.io/instance' },
  { tool: 'Flux', field: 'labels', name: 'kustomize.toolkit.fluxcd.io/name' },
  { tool: 'Flux', field: 'labels', name: 'helm.toolkit.fluxcd.io/name' },
]

/** Other tools that bring Rollouts, and would take back what a revert or a GitSource brings. */
export function deliveryHealth(rollouts: readonly Json[]): Symptom[] {
  return rollouts.flatMap((object): Symptom[] => {
    const metadata = record(object['metadata'])
    const found = deliverers.find(({ field, name }) => record(metadata[field])[name] !== undefined)
    if (!found) return []
    const about = `delivery of ${nameOf(object)}`
    const { tool } = found
    if (record(metadata['annotations'])[annotation.source] === undefined) {
      const because = `${tool} brings it: a revert reaches the cluster only when ${tool} syncs the branch`
      return [{ about, state: 'unknown', because, remedy: 'let it sync by itself' }]
    }
    const because = `${tool} and a GitSource both bring it, and take turns`
    return [{ about, state: 'ill', because, remedy: `take it out of what ${tool} applies` }]
  })
}

/** Whether people outside of the cluster are reached. */
export function notificationsHealth(notifications: readonly Json[]): Symptom[] {
  return notifications.map((one): Symptom => {
    const about = `Notification ${nameOf(one)}`
    const ready = conditionOf(one, 'Ready')
    const message = printable(text(ready['message']) ?? '')
    if (ready['status'] === 'True') return { about, state: 'well', because: message }
    const because = message || 'the controller has not read it yet'
    return { about, state: ready['status'] === 'False' ? 'ill' : 'unknown', because }
  })
}

function nameOf(object: Json): string {
  const { namespace, name } = record(object['metadata'])
  return `${text(namespace)}/${text(name)}`
}

function conditionOf(object: Json, type: string): Json {
  const conditions = list(record(object['status'])['conditions']).map(record)
  return conditions.find((one) => one['type'] === type) ?? {}
}
