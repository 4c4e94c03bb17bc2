// Phases and outcomes in, the colours they have everywhere out.
import type { Cell, Tone } from '../render.ts'
import type { Outcome, Phase } from './rollout-view.ts'

export const phaseTone: Readonly<Record<Phase, Tone>> = {
  Stable: 'good',
  Progressing: 'busy',
  Paused: 'warn',
  Aborted: 'bad',
}

export const outcomeMark: Readonly<Record<Outcome, Cell>> = {
  Passed: { text: '✓', tone: 'good' },
  Failed: { text: '✗', tone: 'bad' },
  Inconclusive: { text: '?', tone: 'warn' },
  Error: { text: '!', tone: 'warn' },
}
