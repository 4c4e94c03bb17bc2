import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pendingCommands } from './command.ts'
import { commandAnnotation } from './names.ts'

const command = { id: 'c1', by: 'ada', at: '2026-01-01T00:00:00.000Z' }
const abort = commandAnnotation('abort')

test('commands are read from annotations, in the order of the verbs', () => {
  const pause = { ...command, id: 'c2', why: 'lunch', revision: 'abc', step: 1 }
  const annotations = {
    [abort]: JSON.stringify(command),
    [commandAnnotation('pause')]: JSON.stringify(pause),
    'sluice.dev/commit': 'abc',
  }
  assert.deepEqual(pendingCommands(annotations, undefined), [
    { ...pause, verb: 'pause' },
    { ...command, verb: 'abort' },
  ])
})

test('a command is pending until its identity was consumed under its own verb', () => {
  const annotations = { [abort]: JSON.stringify(command) }
  const rows: [Parameters<typeof pendingCommands>[1], number][] = [
    [undefined, 1],
    [{}, 1],
    [{ abort: 'c0' }, 1],
    [{ promote: 'c1' }, 1],
    [{ abort: 'c1' }, 0],
  ]
  for (const [consumed, count] of rows) {
    assert.equal(pendingCommands(annotations, consumed).length, count, JSON.stringify(consumed))
  }
})

test('what is not a command is left out', () => {
  const rows = [
    '',
    'true',
    'null',
    '[]',
    '{',
    JSON.stringify({ ...command, id: '' }),
    JSON.stringify({ ...command, by: undefined }),
    JSON.stringify({ ...command, step: -1 }),
    JSON.stringify({ ...command, verb: 'promote' }),
    JSON.stringify({ ...command, why: 'x'.repeat(513) }),
    JSON.stringify(command) + ' '.repeat(2_048),
  ]
  for (const text of rows) assert.deepEqual(pendingCommands({ [abort]: text }, {}), [], text)
  assert.deepEqual(pendingCommands(undefined, undefined), [])
})
