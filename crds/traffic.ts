// Where traffic is split, and by what, as people write it: one mesh of four.
import { z } from 'zod'
import { type CelRule, Duration, exactlyOne, Host, ObjectName } from './fields.ts'

const Port = z.int().min(1).max(65535)

/** A Service whose name leaves room for `-` and a revision: a Service per revision is named so. */
const ApexService = ObjectName.max(52).meta({
  description: 'The Service whose traffic is split; in the namespace of the Rollout.',
})

const TcpRoute = z
  .strictObject({ port: Port.meta({ description: 'Port that the rule matches.' }) })
  .meta({ description: 'A tcp rule, known by the port that it matches.' })

const TlsRoute = z
  .strictObject({
    port: Port.meta({ description: 'Port that the rule matches.' }),
    sniHosts: z
      .array(Host)
      .min(1)
      .max(16)
      .meta({ description: 'Names in the handshake that the rule matches.' }),
  })
  .meta({ description: 'A tls rule, known by the port and the names that it matches.' })

const tcpRoutes = z.array(TcpRoute).min(1).max(8).optional()
const tlsRoutes = z.array(TlsRoute).min(1).max(8).optional()

const EditedVirtualService = z
  .strictObject({
    name: ObjectName.meta({ description: 'Name of your VirtualService.' }),
    routes: z
      .array(z.string().min(1).max(253))
      .min(1)
      .max(16)
      .optional()
      .meta({ description: 'Names of http rules. Without any rule named, the only http rule.' }),
    tcpRoutes: tcpRoutes.meta({ description: 'tcp rules.' }),
    tlsRoutes: tlsRoutes.meta({ description: 'tls rules.' }),
  })
  .meta({ description: 'A VirtualService of yours, and the rules in it that Sluice splits.' })

const ownedFields = ['delegate', 'hosts', 'gateways', 'virtualService', 'tcpRoutes', 'tlsRoutes']
const delegateRule =
  'a delegate VirtualService must not name hosts, gateways, tcp or tls rules: its root does'
const editedRule =
  'virtualServices are edited in place: delegate, hosts, gateways, virtualService, tcpRoutes and tlsRoutes belong to one that Sluice owns'

const Istio = z
  .strictObject({
    host: Host.meta({ description: 'The Service whose traffic is split.' }),
    hosts: z.array(Host).max(16).optional().meta({
      description: 'Hosts of the VirtualService that Sluice owns. Default: the value of host.',
    }),
    gateways: z.array(z.string().min(1).max(253)).max(16).optional().meta({
      description:
        'Gateways the VirtualService binds to. Name "mesh" too if callers in the mesh are to be split.',
    }),
    delegate: z.boolean().default(false).meta({
      description:
        'Write a delegate VirtualService without hosts; your own root VirtualService delegates to it.',
    }),
    virtualService: ObjectName.optional().meta({
      description: 'Name of the VirtualService that Sluice owns. Default: the name of the Rollout.',
    }),
    virtualServices: z.array(EditedVirtualService).min(1).max(8).optional().meta({
      description:
        'Split named rules of your own VirtualServices in place; what they said is restored at the end.',
    }),
    tcpRoutes: tcpRoutes.meta({ description: 'Own tcp rules instead of an http rule.' }),
    tlsRoutes: tlsRoutes.meta({ description: 'Own tls rules instead of an http rule.' }),
    port: Port.optional().meta({
      description: 'Port of the Service, needed when it has several.',
    }),
  })
  .refine((istio) => !(istio.delegate && (istio.hosts || istio.gateways || isPlain(istio))), {
    message: delegateRule,
  })
  .refine((istio) => !istio.virtualServices || !ownedFields.some((field) => isSet(istio, field)), {
    message: editedRule,
  })
  .meta({
    description:
      'Split traffic by Istio VirtualServices and one DestinationRule subset per revision.',
    cel: [
      {
        rule: '!(has(self.delegate) && self.delegate && (has(self.hosts) || has(self.gateways) || has(self.tcpRoutes) || has(self.tlsRoutes)))',
        message: delegateRule,
      },
      {
        rule: '!has(self.virtualServices) || !((has(self.delegate) && self.delegate) || has(self.hosts) || has(self.gateways) || has(self.virtualService) || has(self.tcpRoutes) || has(self.tlsRoutes))',
        message: editedRule,
      },
    ] satisfies CelRule[],
  })

const RouteKind = z.enum(['HTTPRoute', 'GRPCRoute']).default('HTTPRoute')

const Linkerd = z
  .strictObject({
    host: ApexService,
    port: Port.meta({ description: 'Port of the Service.' }),
    kind: RouteKind.meta({ description: 'Kind of the route that Sluice owns.' }),
    route: ObjectName.optional().meta({
      description: 'Name of that route. Default: the name of the Rollout.',
    }),
  })
  .meta({
    description:
      'Split traffic by a route with the Service as its parent, and a Service per revision.',
  })

const ParentRef = z
  .strictObject({
    kind: z.enum(['Gateway', 'Service']).optional().meta({
      description: 'Gateway for traffic from outside, Service inside a mesh. Default: Gateway.',
    }),
    name: ObjectName.meta({ description: 'Name of the parent.' }),
    namespace: ObjectName.optional().meta({ description: 'Its namespace, if another.' }),
    sectionName: ObjectName.optional().meta({ description: 'Listener of a Gateway.' }),
    port: Port.optional().meta({ description: 'Port of the parent.' }),
  })
  .meta({ description: 'What the route is attached to.' })

const EditedRoute = z
  .strictObject({
    name: ObjectName.meta({ description: 'Name of your route.' }),
    rules: z
      .array(ObjectName)
      .min(1)
      .max(16)
      .meta({ description: 'Names of rules in it that Sluice splits.' }),
  })
  .meta({ description: 'A route of yours, and the rules in it that Sluice splits.' })

const oneRoute = exactlyOne(['parentRefs', 'routes'])
const editedRouteRule = 'routes are edited in place: hostnames and route belong to one Sluice owns'

const GatewayApi = z
  .strictObject({
    host: ApexService,
    port: Port.meta({ description: 'Port of the Service.' }),
    kind: RouteKind.meta({ description: 'Kind of the route.' }),
    parentRefs: z.array(ParentRef).min(1).max(16).optional().meta({
      description: 'Parents of a route that Sluice owns.',
    }),
    hostnames: z.array(Host).min(1).max(16).optional().meta({
      description: 'Host names of the route that Sluice owns.',
    }),
    route: ObjectName.optional().meta({
      description: 'Name of the route that Sluice owns. Default: the name of the Rollout.',
    }),
    routes: z.array(EditedRoute).min(1).max(8).optional().meta({
      description:
        'Split named rules of your own routes in place; what they said is restored at the end.',
    }),
  })
  .refine(oneRoute.isMet, oneRoute.message)
  .refine((api) => !api.routes || !(api.hostnames || api.route), editedRouteRule)
  .meta({
    ...oneRoute.meta,
    description: 'Split traffic by a route of the Gateway API, and a Service per revision.',
    cel: [
      ...oneRoute.meta.cel,
      {
        rule: '!has(self.routes) || !(has(self.hostnames) || has(self.route))',
        message: editedRouteRule,
      },
    ] satisfies CelRule[],
  })

const PlainService = z.strictObject({ host: ApexService }).meta({
  description:
    'No mesh: blue-green by the selector of the Service, canary by the share of pods, as near as pods allow.',
})

const oneMesh = exactlyOne(['istio', 'linkerd', 'gatewayApi', 'service'])

export const Traffic = z
  .strictObject({
    istio: Istio.optional(),
    linkerd: Linkerd.optional(),
    gatewayApi: GatewayApi.optional(),
    service: PlainService.optional(),
    settle: Duration.default('10s').meta({
      description:
        'Time from a stored weight to proxies that use it. Analysis windows start after it. Below 2s only where the mesh is known to be that fast.',
    }),
    drain: Duration.default('30s').meta({
      description:
        'Time a revision keeps its pods after its weight 0 is live; the longest request.',
    }),
  })
  .refine(oneMesh.isMet, oneMesh.message)
  .meta({ ...oneMesh.meta, description: 'How traffic is split between revisions.' })
export type Traffic = z.infer<typeof Traffic>

function isPlain(istio: { tcpRoutes?: unknown; tlsRoutes?: unknown }): boolean {
  return istio.tcpRoutes !== undefined || istio.tlsRoutes !== undefined
}

function isSet(value: Readonly<Record<string, unknown>>, field: string): boolean {
  return value[field] !== undefined && value[field] !== false
}
