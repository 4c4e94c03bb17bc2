// Istio in ambient mode: what the waypoint of the Service counted, and no sidecar besides.
import { istioSeenBy } from './istio.ts'

export const istioWaypoint = istioSeenBy(['reporter="waypoint"'])
