import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createChoices } from './choices.ts'
import { createKernel, type Kernel, type Process } from './kernel.ts'

const never = () => false
const kernelOf = (tie = (_: number) => 0) =>
  createKernel({ startMs: 1_000, tie, settled: () => undefined })
const processOf = (): Process => ({ name: 'a', isAlive: true, pausedUntil: 0, skewMs: 0 })

describe('the kernel', () => {
  const rows: {
    says: string
    plan: (kernel: Kernel, say: (word: string) => void) => void
    said: string[]
  }[] = [
    {
      says: 'runs events in the order of their times',
      plan: (kernel, say) => {
        kernel.after(20, () => say('late'))
        kernel.after(10, () => say('early'))
      },
      said: ['early', 'late'],
    },
    {
      says: 'keeps the order of planning at one instant',
      plan: (kernel, say) => {
        for (const word of ['a', 'b', 'c']) kernel.after(5, () => say(word))
      },
      said: ['a', 'b', 'c'],
    },
    {
      says: 'drops the events of a dead process',
      plan: (kernel, say) => {
        const process = processOf()
        kernel.after(10, () => say('dead'), process)
        kernel.after(5, () => {
          process.isAlive = false
        })
      },
      said: [],
    },
    {
      says: 'puts off the events of a paused process',
      plan: (kernel, say) => {
        const process = { ...processOf(), pausedUntil: 1_050 }
        kernel.after(10, () => say('paused'), process)
        kernel.after(40, () => say('other'))
      },
      said: ['other', 'paused'],
    },
    {
      says: 'lets promises settle between two events of one instant',
      plan: (kernel, say) => {
        kernel.after(
          5,
          () =>
            void Promise.resolve()
              .then(() => Promise.resolve())
              .then(() => say('promise')),
        )
        kernel.after(5, () => say('event'))
      },
      said: ['promise', 'event'],
    },
    {
      says: 'wakes a sleeper early when its signal fires',
      plan: (kernel, say) => {
        const stop = new AbortController()
        const clock = kernel.clockOf(processOf())
        void clock.sleep(1_000_000, stop.signal).then(() => say(`at ${clock.monotonic()}`))
        kernel.after(7, () => stop.abort())
      },
      said: ['at 7'],
    },
  ]
  for (const { says, plan, said } of rows) {
    it(says, async () => {
      const kernel = kernelOf()
      const heard: string[] = []
      plan(kernel, (word) => heard.push(word))
      await kernel.drive(10_000, never)
      assert.deepEqual(heard, said)
      assert.equal(kernel.now(), 10_000)
    })
  }
})

describe('choices', () => {
  const ask = (only?: readonly string[]) => {
    const choices = createChoices({ seed: 5, only, phase: () => 'Stable' })
    for (let i = 0; i < 400; i += 1)
      for (const fault of ['K1', 'K3', 'K9', 'C1'] as const) choices.at(fault)
    return choices.made
  }

  it('are the same for the same seed', () => assert.deepEqual(ask(), ask()))
  it('are none for the empty list', () => assert.deepEqual(ask([]), []))
  it('are those of the list', () => assert.deepEqual(ask(['K3#7', 'C1#399']), ['K3#7', 'C1#399']))
})
