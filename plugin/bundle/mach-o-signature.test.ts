import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { signedAdHoc } from './mach-o-signature.ts'

const [textAt, linkeditAt, tablesAt] = [32, 104, 0x5000]

/** A program of two segments, the last of which ends at an odd place. */
function program(extra: { readonly command?: number; readonly bytes?: number } = {}): Buffer {
  const bytes = Buffer.alloc(extra.bytes ?? 0x5123)
  bytes.writeUInt32LE(0xfeedfacf, 0)
  bytes.writeUInt32LE(2, 16)
  bytes.writeUInt32LE(144, 20)
  const segments = [
    [textAt, '__TEXT', 0, tablesAt],
    [linkeditAt, '__LINKEDIT', tablesAt, 0x123],
  ] as const
  for (const [at, name, offset, size] of segments) {
    bytes.writeUInt32LE(0x19, at)
    bytes.writeUInt32LE(72, at + 4)
    bytes.write(name, at + 8, 'latin1')
    for (const [i, value] of [offset, size, offset, size].entries()) {
      bytes.writeBigUInt64LE(BigInt(value), at + 24 + i * 8)
    }
  }
  if (extra.command !== undefined) {
    bytes.writeUInt32LE(3, 16)
    bytes.writeUInt32LE(extra.command, 176)
    bytes.writeUInt32LE(16, 180)
  }
  return bytes
}

test('a signature holds the digest of each page, and is found by the header', () => {
  const before = program()
  const after = signedAdHoc(before, 'me')
  const [offset, bytes] = [after.readUInt32LE(184), after.readUInt32LE(188)]
  assert.deepEqual([after.readUInt32LE(16), after.readUInt32LE(20)], [3, 160])
  assert.deepEqual([after.readUInt32LE(176), after.readUInt32LE(180)], [0x1d, 16])
  assert.deepEqual([offset, offset + bytes], [0x5130, after.length])
  assert.equal(Number(after.readBigUInt64LE(linkeditAt + 48)), after.length - tablesAt)
  assert.equal(Number(after.readBigUInt64LE(linkeditAt + 32)), 0x4000)

  const word = (at: number) => after.readUInt32BE(offset + at)
  assert.deepEqual([0, 4, 8, 12, 16].map(word), [0xfade0cc0, bytes, 1, 0, 20])
  assert.deepEqual([20, 24, 28, 32].map(word), [0xfade0c02, bytes - 20, 0x20400, 0x20002])
  const [digestsAt, nameAt, special, pages, limit] = [36, 40, 44, 48, 52].map(word)
  assert.deepEqual([digestsAt, nameAt, special, pages, limit], [91, 88, 0, 6, 0x5130])
  assert.deepEqual([...after.subarray(offset + 56, offset + 60)], [32, 2, 0, 12])
  assert.equal(after.toString('latin1', offset + 108, offset + 111), 'me\0')
  const digests = after.subarray(offset + 20 + 91)
  for (let page = 0; page < 6; page++) {
    const text = after.subarray(page * 4_096, Math.min((page + 1) * 4_096, offset))
    const digest = createHash('sha256').update(text).digest()
    assert.deepEqual(digests.subarray(page * 32, (page + 1) * 32), digest)
  }
  assert.deepEqual(after.subarray(0x200, before.length), before.subarray(0x200))
})

const crowded = program()
crowded.writeUInt8(1, 180)
const refused: readonly [string, Buffer, RegExp][] = [
  ['another file', Buffer.from('MZ'), /no program for macOS/],
  ['one that is signed', program({ command: 0x1d }), /signed already/],
  ['one with something behind it', program({ bytes: 0x6000 }), /does not end with/],
  ['one whose header is full', crowded, /no room/],
]
for (const [name, bytes, message] of refused) {
  test(`${name} is not signed`, () => {
    assert.throws(() => signedAdHoc(bytes, 'me'), message)
  })
}
