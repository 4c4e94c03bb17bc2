// A program for Linux (ELF, 64 bits, little-endian) and bytes in; the same program with the bytes as a note that it
// finds in its own memory out. Pure. Node looks for its application there, and so nothing else is needed for it.
//
//   file:  what it was … ┊ program headers, two more ┊ note: name, bytes
//                          └ mapped as one more segment, at the distance from the file that the first one has
import { Buffer } from 'node:buffer'

const headerBytes = 56
/** The largest page there is on machines that run Node. */
const pageBytes = 65_536
const [load, note, ownTable] = [1, 4, 6]
const readable = 4

interface Segment {
  readonly type: number
  readonly offset: number
  readonly address: number
  readonly memoryBytes: number
  readonly raw: Buffer
}

/** Fails for what is no such program. */
export function withNote(program: Buffer, name: string, bytes: Buffer): Buffer {
  const isElf = program.subarray(0, 4).equals(Buffer.from('\x7fELF', 'latin1'))
  if (!isElf || program[4] !== 2 || program[5] !== 1) {
    throw new Error('this is no program for Linux of 64 bits')
  }
  const segments = segmentsOf(program)
  const first = segments.find(({ type }) => type === load)
  const last = segments.findLastIndex(({ type }) => type === load)
  if (!first || last < 0) throw new Error('the program has nothing to load')
  const distance = first.address - first.offset
  const ends = segments.map(({ address, memoryBytes }) => address + memoryBytes)
  const offset = rounded(Math.max(program.length, Math.max(...ends) - distance), pageBytes)
  const noteText = noteOf(name, bytes)
  const tableBytes = (segments.length + 2) * headerBytes
  const address = offset + distance
  const [table, loaded, told] = [
    segment(ownTable, { offset, address, bytes: tableBytes, align: 8 }),
    segment(load, { offset, address, bytes: tableBytes + noteText.length, align: pageBytes }),
    segment(note, {
      ...{ offset: offset + tableBytes, address: address + tableBytes },
      ...{ bytes: noteText.length, align: 4 },
    }),
  ]
  const moved = segments.map(({ type, raw }) => (type === ownTable ? table : raw))
  // Segments to load stand in the order of their addresses.
  const headers = [...moved.slice(0, last + 1), loaded, ...moved.slice(last + 1), told]
  const head = Buffer.from(program)
  head.writeBigUInt64LE(BigInt(offset), 0x20)
  head.writeUInt16LE(headers.length, 0x38)
  const gap = Buffer.alloc(offset - program.length)
  return Buffer.concat([head, gap, ...headers, noteText])
}

function segmentsOf(program: Buffer): Segment[] {
  const start = Number(program.readBigUInt64LE(0x20))
  if (program.readUInt16LE(0x36) !== headerBytes) throw new Error('its headers are of another size')
  return Array.from({ length: program.readUInt16LE(0x38) }, (_, i) => {
    const raw = program.subarray(start + i * headerBytes, start + (i + 1) * headerBytes)
    const number = (at: number) => Number(raw.readBigUInt64LE(at))
    const type = raw.readUInt32LE(0)
    return { type, offset: number(8), address: number(16), memoryBytes: number(40), raw }
  })
}

function segment(
  type: number,
  place: {
    readonly offset: number
    readonly address: number
    readonly bytes: number
    readonly align: number
  },
): Buffer {
  const raw = Buffer.alloc(headerBytes)
  raw.writeUInt32LE(type, 0)
  raw.writeUInt32LE(readable, 4)
  const { offset, address, bytes, align } = place
  for (const [i, value] of [offset, address, address, bytes, bytes, align].entries()) {
    raw.writeBigUInt64LE(BigInt(value), 8 + i * 8)
  }
  return raw
}

function noteOf(name: string, bytes: Buffer): Buffer {
  const nameBytes = Buffer.from(`${name}\0`)
  const head = Buffer.alloc(12)
  head.writeUInt32LE(nameBytes.length, 0)
  head.writeUInt32LE(bytes.length, 4)
  return Buffer.concat([head, padded(nameBytes), padded(bytes)])
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(rounded(bytes.length, 4) - bytes.length)])
}

function rounded(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit
}
