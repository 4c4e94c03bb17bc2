// A Job check in; the Job is started once per measurement, and how it ended comes out. Its name says what it
// measures, so a restart finds it again instead of starting another.
import { createHash } from 'node:crypto'
import type { Question } from '../ask/source.ts'
import type { Reading } from '../judge/reading.ts'
import { placeholdersOf } from '../query/query.ts'
import type { SourceContext } from './context.ts'

const maxNameLength = 63

export async function askJob(question: Question, { jobs }: SourceContext): Promise<Reading> {
  const { check, target } = question
  if (!check.job) return { kind: 'error', because: 'this is no Job check' }
  const { namespace, name: rollout } = target
  const name = jobName(question)
  const state = await jobs.state(namespace, name)
  switch (state.kind) {
    case 'succeeded':
      return { kind: 'ended', isGood: true, because: `Job ${name} succeeded` }
    case 'failed':
      return { kind: 'ended', isGood: false, because: `Job ${name} failed: ${state.because}` }
    case 'running':
      return { kind: 'pending', because: `Job ${name} runs` }
    case 'absent': {
      const { revision, stable, host } = placeholdersOf(target)
      const env = {
        SLUICE_NAMESPACE: namespace,
        SLUICE_ROLLOUT: rollout,
        SLUICE_REVISION: revision ?? '',
        SLUICE_STABLE: stable ?? '',
        SLUICE_HOST: host ?? '',
      }
      await jobs.start({ namespace, name, rollout, spec: check.job.spec, env })
      return { kind: 'pending', because: `Job ${name} was started` }
    }
  }
}

function jobName({ check, target, atMs }: Question): string {
  const { namespace, name, revision } = target
  const identity = JSON.stringify([namespace, name, revision, check.name, check.job, atMs])
  const digest = createHash('sha256').update(identity).digest('hex').slice(0, 10)
  const head = `${name}-${check.name}`.slice(0, maxNameLength - digest.length - 1)
  return `${head.replace(/[-.]+$/, '')}-${digest}`
}
