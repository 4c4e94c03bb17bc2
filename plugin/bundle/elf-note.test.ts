import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withNote } from './elf-note.ts'

const headerBytes = 56

/** A program of two headers, the table and one segment of code, at 0x400000. */
function program(): Buffer {
  const bytes = Buffer.alloc(0x200)
  bytes.write('\x7fELF', 'latin1')
  bytes.set([2, 1], 4)
  bytes.writeBigUInt64LE(0x40n, 0x20)
  bytes.writeUInt16LE(headerBytes, 0x36)
  bytes.writeUInt16LE(2, 0x38)
  const segments = [
    [6, 0x40, 0x400040, 0x70],
    [1, 0, 0x400000, 0x200],
  ] as const
  for (const [i, [type, offset, address, size]] of segments.entries()) {
    const at = 0x40 + i * headerBytes
    bytes.writeUInt32LE(type, at)
    for (const [j, value] of [offset, address, address, size, size].entries()) {
      bytes.writeBigUInt64LE(BigInt(value), at + 8 + j * 8)
    }
  }
  return bytes
}

test('a note is found by its headers, in memory where the file has it', () => {
  const before = program()
  const after = withNote(before, 'NAME', Buffer.from('hello'))
  const table = Number(after.readBigUInt64LE(0x20))
  const headers = Array.from({ length: after.readUInt16LE(0x38) }, (_, i) => {
    const at = table + i * headerBytes
    const [offset, address, size] = [8, 16, 32].map((field) =>
      Number(after.readBigUInt64LE(at + field)),
    )
    return { type: after.readUInt32LE(at), offset, address, size }
  })
  assert.equal(table % 65_536, 0)
  assert.deepEqual(headers, [
    { type: 6, offset: table, address: table + 0x400000, size: 4 * headerBytes },
    { type: 1, offset: 0, address: 0x400000, size: 0x200 },
    { type: 1, offset: table, address: table + 0x400000, size: 4 * headerBytes + 28 },
    { type: 4, offset: table + 224, address: table + 224 + 0x400000, size: 28 },
  ])
  const note = after.subarray(table + 224)
  assert.deepEqual([note.readUInt32LE(0), note.readUInt32LE(4)], [5, 5])
  assert.equal(note.subarray(12).toString(), 'NAME\0\0\0\0hello\0\0\0')
  assert.deepEqual(after.subarray(0x40, 0x200), before.subarray(0x40))
})

test('what is no program for Linux of 64 bits is refused', () => {
  for (const text of ['MZ', '\x7fELF\x01\x01', '']) {
    assert.throws(
      () => withNote(Buffer.from(text, 'latin1'), 'NAME', Buffer.alloc(0)),
      /no program/,
    )
  }
})
