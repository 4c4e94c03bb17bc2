// VirtualServices and DestinationRules in, rules for requests and for connections out. Pure.
import type { KubeObject } from '../../kube/api.ts'
import type { Subset } from './endpoints.ts'
import {
  type Destination,
  type HttpRule,
  isVisible,
  parseDestinationRule,
  parseVirtualService,
  type StreamRule,
  type VirtualService,
} from './istio-objects.ts'
import { compileMatches, type Predicate } from './match.ts'
import { type Clusters, type Rule, ruleOf, type Target } from './rules.ts'

export interface Context {
  readonly clusters: Clusters
  readonly virtualServices: readonly VirtualService[]
  readonly problems: string[]
}

export function compileHttp(context: Context, root: VirtualService): Rule[] {
  const { problems, virtualServices } = context
  return root.rules.flatMap((rule) => {
    const holds = compileMatches(rule.matches, problems)
    if (!rule.delegate) return compileRule(context, rule, holds)
    const { namespace, name } = rule.delegate
    const delegate = virtualServices.find(
      (candidate) => candidate.namespace === namespace && candidate.name === name,
    )
    // Without its delegate only this rule is gone; requests fall through to the next one.
    if (!delegate || delegate.hosts.length > 0 || !isVisible(delegate, root.namespace)) {
      problems.push(`rule ${rule.name} of ${root.name} has no delegate ${namespace}/${name}`)
      return []
    }
    return delegate.rules.flatMap((inner) => {
      const holdsInside = compileMatches(inner.matches, problems)
      const both: Predicate = (request) => holds(request) && holdsInside(request)
      return inner.route.length > 0 ? [ruleTo(context, inner, both)] : []
    })
  })
}

function compileRule(context: Context, rule: HttpRule, holds: Predicate): Rule[] {
  if (rule.route.length > 0) return [ruleTo(context, rule, holds)]
  const { name } = rule
  context.problems.push(`rule ${name} has no route; redirects and direct responses are not obeyed`)
  return []
}

function ruleTo({ clusters }: Context, { route, mirrors }: HttpRule, holds: Predicate): Rule {
  return ruleOf({
    manner: 'istio',
    holds,
    targets: targetsOf(clusters, route),
    mirrors: mirrors.map(({ to, percent }) => ({ percent, cluster: clusters.find(to) })),
  })
}

/** A rule for connections of a Service. */
export interface StreamHost {
  readonly matches: StreamRule['matches']
  readonly rule: Rule
}

export function compileStreams({ clusters }: Context, root: VirtualService): StreamHost[] {
  return root.streams.map(({ matches, route }) => ({
    matches,
    rule: ruleOf({ manner: 'istio', holds: () => true, targets: targetsOf(clusters, route) }),
  }))
}

function targetsOf(clusters: Clusters, route: readonly Destination[]): Target[] {
  return route.map((destination) => ({
    weight: destination.weight,
    service: clusters.serviceOf(destination.host),
    cluster: clusters.find(destination),
  }))
}

/** Subsets by host. Rules for one host are merged; of two subsets of a name the first counts. */
export function readSubsets(
  destinationRules: readonly KubeObject[],
  { namespace, problems }: { readonly namespace: string; readonly problems: string[] },
): Map<string, Subset[]> {
  const subsets = new Map<string, Subset[]>()
  for (const object of oldestFirst(destinationRules)) {
    const rule = parseDestinationRule(object, problems)
    if (!rule || !isVisible(rule, namespace)) continue
    subsets.set(rule.host, [...(subsets.get(rule.host) ?? []), ...rule.subsets])
  }
  return subsets
}

export function readVirtualServices(
  objects: readonly KubeObject[],
  problems: string[],
): VirtualService[] {
  return oldestFirst(objects).flatMap((object) => parseVirtualService(object, problems) ?? [])
}

/** Envoy refuses a table with such a rule. */
export function findZeroWeights(virtualServices: readonly VirtualService[]): string | null {
  for (const { namespace, name, rules, streams } of virtualServices) {
    const routes = [...rules, ...streams.map((rule) => ({ ...rule, name: 'for connections' }))]
    const rule = routes.find(
      ({ route }) => route.length > 1 && route.every(({ weight }) => weight === 0),
    )
    if (rule) return `weights of rule ${rule.name} of ${namespace}/${name} sum to zero`
  }
  return null
}

export function oldestFirst(objects: readonly KubeObject[]): KubeObject[] {
  return objects.toSorted(
    ({ metadata: a }, { metadata: b }) =>
      (a.creationTimestamp ?? '').localeCompare(b.creationTimestamp ?? '') ||
      a.name.localeCompare(b.name),
  )
}
