// Envoy's own cluster metrics. The names of clusters hold namespace and Service, each control plane in a way of
// its own: Istio, Contour and kgateway are read here. A cluster must have one Service, of one revision.
import { quoted } from '../promql-text.ts'
import { failureGrpcStatuses } from './grpc.ts'
import { openmetrics } from './openmetrics.ts'
import { type ArmName, type Arms, type MetricTable, serviceOfArm } from './table.ts'

const cluster = 'envoy_cluster_name'

/** `outbound|80||web-1a2b.shop.svc.cluster.local` */
const ofIstio = /^outbound\|[0-9]+\|[^|]*\|([-a-z0-9]+)\.([-a-z0-9]+)(\.|$)/
/** `shop/web-1a2b/80/da39a3`, `shop_web-1a2b_80`, `kube_shop_web-1a2b_80` */
const ofOthers = /^(?:kube_)?([-a-z0-9]+)[/_]([-a-z0-9]+)[/_][0-9]+(?:[/_].*)?$/

const arms: Arms = {
  labels: [cluster],
  matchers: (all) => {
    const names = all.flatMap((arm: ArmName) => {
      const service = serviceOfArm(arm)
      return [`${arm.namespace}[/_]${service}[/_].*`, `${service}[.]${arm.namespace}([.].*)?`]
    })
    // Names of namespaces and Services hold no character that a regular expression knows.
    return [`${cluster}=~${quoted(`(outbound[|].*[|]|kube_)?(${[...new Set(names)].join('|')})`)}`]
  },
  keyOfRow: (labels) => {
    const name = labels[cluster] ?? ''
    const [, service, namespace] = ofIstio.exec(name) ?? []
    if (service !== undefined) return `${namespace}/${service}`
    const [, first, second] = ofOthers.exec(name) ?? []
    return `${first ?? ''}/${second ?? ''}`
  },
  keyOfArm: (arm) => `${arm.namespace}/${serviceOfArm(arm)}`,
}

export const envoy: MetricTable = {
  callers: {
    requests: 'envoy_cluster_upstream_rq',
    durationBuckets: 'envoy_cluster_upstream_rq_time_bucket',
    secondsPerUnit: 0.001,
    matchers: [],
    arms,
    codes: ['envoy_response_code'],
  },
  servers: openmetrics.servers,
  failureCode: /^5..$/,
  failureGrpcStatuses,
}
