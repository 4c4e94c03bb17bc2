// A program for macOS (Mach-O, 64 bits) without a signature in; the same with an ad-hoc one out, that names nobody and
// holds the digest of each page. Macs with processors of Apple start nothing without. Pure.
//
//   file:  header ┊ commands, one more ┊ … ┊ __LINKEDIT … ┊ super blob ┊ code directory: identifier, digests
//                   └ where the signature is                └ big-endian, as all of the signature
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'

const headerBytes = 32
const [segmentCommand, signatureCommand] = [0x19, 0x1d]
const signatureCommandBytes = 16
const pageBytes = 4_096
const digestBytes = 32
const [superBlobBytes, directoryBytes] = [20, 88]
/** Ad hoc, and by a linker: tools that sign with a certificate may replace it. */
const flags = 0x2_0002
const isMainBinary = 1

interface Segment {
  readonly at: number
  readonly name: string
  readonly offset: number
  readonly bytes: number
}

/** `identifier` is the name under which the system remembers the program. Fails for what is no such program. */
export function signedAdHoc(program: Buffer, identifier: string): Buffer {
  if (program.length < headerBytes || program.readUInt32LE(0) !== 0xfeedfacf) {
    throw new Error('this is no program for macOS of 64 bits')
  }
  const { segments, end, isSigned } = commandsOf(program)
  const text = segments.find(({ name }) => name === '__TEXT')
  const last = segments.find(({ name }) => name === '__LINKEDIT')
  if (isSigned) throw new Error('the program is signed already')
  if (!text || !last || last.offset + last.bytes !== program.length) {
    throw new Error('the program does not end with its own tables')
  }
  if (program.subarray(end, end + signatureCommandBytes).some((byte) => byte !== 0)) {
    throw new Error('its header has no room for the place of a signature')
  }
  const offset = Math.ceil(program.length / 16) * 16
  const pages = Math.ceil(offset / pageBytes)
  const name = Buffer.from(`${identifier}\0`)
  const bytes = superBlobBytes + directoryBytes + name.length + pages * digestBytes
  const unsigned = Buffer.concat([program, Buffer.alloc(offset - program.length)])
  writeCommand(unsigned, { end, offset, bytes })
  const lastBytes = offset + bytes - last.offset
  unsigned.writeBigUInt64LE(BigInt(Math.ceil(lastBytes / 0x4000) * 0x4000), last.at + 32)
  unsigned.writeBigUInt64LE(BigInt(lastBytes), last.at + 48)
  return Buffer.concat([unsigned, signature(unsigned, { name, pages, text, bytes })])
}

function commandsOf(program: Buffer) {
  const segments: Segment[] = []
  let [at, isSigned] = [headerBytes, false]
  for (let left = program.readUInt32LE(16); left > 0; left--) {
    const [command, bytes] = [program.readUInt32LE(at), program.readUInt32LE(at + 4)]
    if (bytes < 8) throw new Error('its header is damaged')
    if (command === signatureCommand) isSigned = true
    if (command === segmentCommand) {
      const name = program.toString('latin1', at + 8, at + 24).replace(/\0.*$/s, '')
      const number = (field: number) => Number(program.readBigUInt64LE(at + field))
      segments.push({ at, name, offset: number(40), bytes: number(48) })
    }
    at += bytes
  }
  return { segments, end: at, isSigned }
}

function writeCommand(
  program: Buffer,
  { end, offset, bytes }: { readonly end: number; readonly offset: number; readonly bytes: number },
): void {
  program.writeUInt32LE(program.readUInt32LE(16) + 1, 16)
  program.writeUInt32LE(program.readUInt32LE(20) + signatureCommandBytes, 20)
  for (const [i, word] of [signatureCommand, signatureCommandBytes, offset, bytes].entries()) {
    program.writeUInt32LE(word, end + i * 4)
  }
}

interface Signing {
  readonly name: Buffer
  readonly pages: number
  readonly text: Segment
  readonly bytes: number
}

function signature(unsigned: Buffer, { name, pages, text, bytes }: Signing): Buffer {
  const head = Buffer.alloc(superBlobBytes + directoryBytes)
  // The super blob: one blob, of kind 0, behind this head.
  for (const [i, word] of [0xfade0cc0, bytes, 1, 0, superBlobBytes].entries()) {
    head.writeUInt32BE(word, i * 4)
  }
  const directory = head.subarray(superBlobBytes)
  const digestsAt = directoryBytes + name.length
  const words = [
    ...[0xfade0c02, bytes - superBlobBytes, 0x2_0400, flags, digestsAt, directoryBytes],
    ...[0, pages, unsigned.length],
  ]
  for (const [i, word] of words.entries()) directory.writeUInt32BE(word, i * 4)
  // SHA-256, 32 bytes a digest, pages of 2^12 bytes.
  directory.set([digestBytes, 2, 0, 12], words.length * 4)
  for (const [i, word] of [text.offset, text.bytes, isMainBinary].entries()) {
    directory.writeBigUInt64BE(BigInt(word), 64 + i * 8)
  }
  const digests = Array.from({ length: pages }, (_, i) =>
    createHash('sha256')
      .update(unsigned.subarray(i * pageBytes, (i + 1) * pageBytes))
      .digest(),
  )
  return Buffer.concat([head, name, ...digests])
}
