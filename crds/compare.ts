// The comparison of a canary with stable, as a user writes it in a check.
import { z } from 'zod'
import { Duration } from './fields.ts'

export const Compare = z
  .strictObject({
    metric: z.enum(['errors', 'latency']).meta({
      description: 'What is compared: failed requests, or requests slower than the bucket edges.',
    }),
    to: z.enum(['stable']).default('stable').meta({
      description: 'The arm to compare with: the stable revision, at the same time.',
    }),
    margin: z.number().min(1).max(10).default(1.25).meta({
      description: 'A canary up to so many times as bad as stable is healthy.',
    }),
    floorPercent: z.number().gt(0).max(50).optional().meta({
      description:
        'A canary with at most so many percent of bad requests is healthy. Without it 0.1 for errors, 0.2 for latency.',
    }),
    warmup: Duration.optional().meta({
      description:
        'Time after the first request in which only gross faults count. Without it 30s for errors, 1m for latency.',
    }),
    sustain: Duration.default('1m').meta({
      description: 'Time that a fault must last before it aborts; gross faults need two scrapes.',
    }),
    alphaPercent: z.number().gt(0).max(10).default(1).meta({
      description: 'Chance of a false abort of a rollout, shared by its errors and latency checks.',
    }),
    toleratedRatio: z.number().min(1.1).max(100).default(2).meta({
      description: 'To pass, a canary that is so many times as bad as stable is ruled out.',
    }),
    toleratedRisePercent: z.number().min(0.05).max(50).default(1).meta({
      description: 'To pass, a canary that is worse than stable by so many points is ruled out.',
    }),
  })
  .meta({
    description:
      'A sequential test against stable: it aborts, holds or passes as soon as evidence allows.',
  })
export type Compare = z.infer<typeof Compare>
