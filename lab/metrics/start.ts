// Metrics for the lab: a real Prometheus where there is one, the embedded stand-in elsewhere.
import { findProgram, startRealPrometheus } from './real-prometheus.ts'
import { type Metrics, type MetricsOptions, startEmbeddedPrometheus } from './server.ts'

export interface LabMetrics extends Metrics {
  readonly kind: 'real' | 'embedded'
  /** Which of the two it is, in words. */
  readonly because: string
}

/** `only` leaves no choice: `real` rejects where no Prometheus is on PATH. */
export async function startMetrics(
  options: MetricsOptions & { only?: 'real' | 'embedded' },
): Promise<LabMetrics> {
  const program = options.only === 'embedded' ? null : await findProgram('prometheus')
  if (program !== null) {
    const real = await startRealPrometheus({ ...options, program })
    return { ...real, kind: 'real', because: `real Prometheus from ${program}` }
  }
  if (options.only === 'real') throw new Error('no prometheus on PATH: install it, or leave it out')
  const embedded = await startEmbeddedPrometheus(options)
  const because =
    options.only === 'embedded'
      ? 'embedded metrics, as asked'
      : 'embedded metrics, because no prometheus is on PATH'
  return { ...embedded, kind: 'embedded', because }
}
