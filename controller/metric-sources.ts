// The cluster and what the operator allows in; what checks of Datadog, CloudWatch, webhooks and Jobs need out.
// Secrets are read by name when a check asks, and kept nowhere.
import type { Sources } from '../analysis/ask/source.ts'
import type { JobState, Jobs } from '../analysis/providers/context.ts'
import { createSources } from '../analysis/providers/sources.ts'
import { ApiError, type KubeApi, type KubeObject } from '../kube/api.ts'
import type { Clock } from '../kube/clock.ts'
import { jobs as jobKind } from '../kube/resources.ts'
import { allowedHosts } from './notify/allowed-hosts.ts'
import { ownerOf } from './observe/parsed.ts'
import type { World } from './observe/world.ts'
import { readSecretValue } from './sync/secrets.ts'

export interface MetricSourceOptions {
  readonly api: Pick<KubeApi, 'get' | 'create'>
  readonly clock: Clock
  readonly world: () => Pick<World, 'rollouts'>
  /** Hosts that webhooks of checks may be sent to, as `--analysis-hosts` lists them. */
  readonly hosts: string
}

export function createMetricSources(options: MetricSourceOptions): Sources {
  const { api, clock, world, hosts } = options
  const allowed = allowedHosts(hosts)
  return createSources({
    secret: async (of) => {
      try {
        return await readSecretValue(api, of)
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        throw new Error(message.replace('git.secrets', 'analysis.secrets'), { cause: error })
      }
    },
    hosts: {
      lookupFor: (url) => allowed.lookupFor(url),
      refusal: (url) =>
        allowed.refusal(url) === null
          ? null
          : `${url.protocol}//${url.host} is not among the hosts that the operator allows (--analysis-hosts)`,
    },
    jobs: jobsOf(api, world),
    now: () => clock.now(),
  })
}

/** A Job that says nothing of these ends all the same, and goes. */
const defaults = { activeDeadlineSeconds: 1_800, ttlSecondsAfterFinished: 3_600, backoffLimit: 0 }

function jobsOf(api: MetricSourceOptions['api'], world: MetricSourceOptions['world']): Jobs {
  return {
    async state(namespace, name) {
      try {
        return stateOf(await api.get(jobKind, { namespace, name }))
      } catch (error) {
        if (error instanceof ApiError && error.code === 404) return { kind: 'absent' }
        throw told(error)
      }
    },
    async start({ namespace, name, rollout, spec, env }) {
      const owner = world().rollouts.get(namespace, rollout)
      if (!owner) throw new Error(`Rollout ${rollout} is gone`)
      const object: KubeObject = {
        apiVersion: jobKind.apiVersion,
        kind: jobKind.kind,
        metadata: { name, namespace, ownerReferences: [ownerOf(owner).reference] },
        spec: { ...defaults, ...withEnv(spec, env) },
      }
      try {
        await api.create(jobKind, object)
      } catch (error) {
        if (error instanceof ApiError && error.code === 409) return
        throw told(error)
      }
    },
  }
}

function stateOf({ status }: KubeObject): JobState {
  const conditions: { type?: string; status?: string; reason?: string; message?: string }[] =
    status?.conditions ?? []
  const isTrue = (type: string) =>
    conditions.find((one) => one.type === type && one.status === 'True')
  const failed = isTrue('Failed')
  if (failed) {
    const because = [failed.reason, failed.message].filter(Boolean).join(': ')
    return { kind: 'failed', because: (because || 'it did not say why').slice(0, 300) }
  }
  return { kind: isTrue('Complete') ? 'succeeded' : 'running' }
}

/** Each container is told what is on trial; what it sets itself is kept. */
function withEnv(
  spec: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const template = objectOf(spec['template'])
  const pod = objectOf(template['spec'])
  const told = Object.entries(env).map(([name, value]) => ({ name, value }))
  const containers = listOf(pod['containers']).map((container) => {
    const own = objectOf(container)
    return { ...own, env: [...told, ...listOf(own['env'])] }
  })
  return {
    ...spec,
    template: { ...template, spec: { restartPolicy: 'Never', ...pod, containers } },
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {}
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function told(error: unknown): unknown {
  const isRefused = error instanceof ApiError && error.code === 403
  return isRefused
    ? new Error('the controller may not run Jobs here: set analysis.jobs of the chart', {
        cause: error,
      })
    : error
}
