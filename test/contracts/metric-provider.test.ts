import { findProgram, startRealPrometheus } from '../../lab/metrics/real-prometheus.ts'
import { startEmbeddedPrometheus } from '../../lab/metrics/server.ts'
import { metricProviderContract } from './metric-provider.ts'

const program = await findProgram('prometheus')

metricProviderContract({ name: 'the embedded Prometheus', start: startEmbeddedPrometheus })

metricProviderContract({
  name: 'a real Prometheus',
  skip: program ? false : 'NOT PROVEN HERE: prometheus is not on PATH (apt-get install prometheus)',
  start: (options) => startRealPrometheus({ ...options, program: program ?? '' }),
})
