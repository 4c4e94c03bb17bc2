import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createTimerHeap } from './timer-heap.ts'

test('an earlier wake-up replaces a later one, never the other way', () => {
  const heap = createTimerHeap<string>()
  assert.deepEqual([heap.set('a', 5), heap.set('a', 9), heap.set('a', 3)], [true, false, true])
  assert.deepEqual([heap.nextAtMs(), heap.size], [3, 1])
  assert.deepEqual([heap.takeDue(2), heap.takeDue(3), heap.takeDue(99)], [[], ['a'], []])
})

test('it agrees with a sorted list, whatever is set, deleted and taken', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g')
  const step = fc.oneof(
    fc.record({ kind: fc.constant('set' as const), key, at: fc.nat(50) }),
    fc.record({ kind: fc.constant('delete' as const), key, at: fc.constant(0) }),
    fc.record({ kind: fc.constant('take' as const), key, at: fc.nat(50) }),
  )
  const property = fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const heap = createTimerHeap<string>()
    const model = new Map<string, number>()
    for (const { kind, key: name, at } of steps) {
      if (kind === 'set') {
        heap.set(name, at)
        model.set(name, Math.min(at, model.get(name) ?? at))
      } else if (kind === 'delete') {
        heap.delete(name)
        model.delete(name)
      } else {
        const due = [...model].filter(([, time]) => time <= at)
        for (const [known] of due) model.delete(known)
        const taken = heap.takeDue(at)
        assert.deepEqual([...taken].sort(), due.map(([known]) => known).sort())
        const times = taken.map((known) => due.find(([other]) => other === known)?.[1] ?? -1)
        assert.deepEqual(
          times,
          times.toSorted((a, b) => a - b),
        )
      }
      const next = Math.min(...model.values())
      assert.deepEqual([heap.size, heap.nextAtMs() ?? next], [model.size, next])
    }
  })
  fc.assert(property, { numRuns: 200, seed: 7 })
})
