import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withoutSignature } from './pe-signature.ts'

function program(magic: number): Buffer {
  const bytes = Buffer.alloc(0x200, 7)
  bytes.write('MZ', 'latin1')
  bytes.writeUInt32LE(0x80, 0x3c)
  bytes.write('PE\0\0', 0x80, 'latin1')
  bytes.writeUInt16LE(magic, 0x98)
  return bytes
}

test('of a program for Windows only the place of its signature goes', () => {
  const before = program(0x20b)
  const after = withoutSignature(before)
  const changed = [...after.keys()].filter((at) => after[at] !== before[at])
  assert.deepEqual(changed, [0x128, 0x129, 0x12a, 0x12b, 0x12c, 0x12d, 0x12e, 0x12f])
  assert.deepEqual(after.subarray(0x128, 0x130), Buffer.alloc(8))
})

test('what is no program for Windows of 64 bits is refused', () => {
  for (const bytes of [Buffer.from('MZ'), Buffer.alloc(512), program(0x10b)]) {
    assert.throws(() => withoutSignature(bytes), /no program for Windows/)
  }
})
