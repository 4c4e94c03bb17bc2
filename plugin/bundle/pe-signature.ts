// A program for Windows (PE, 64 bits) in; the same without the place of a signature out. One that was made before the
// program was changed is wrong, and worse than none. Pure.
import { Buffer } from 'node:buffer'

const certificates = 4

/** Fails for what is no such program. */
export function withoutSignature(program: Buffer): Buffer {
  const isDos = program.length > 0x40 && program.toString('latin1', 0, 2) === 'MZ'
  const head = isDos ? program.readUInt32LE(0x3c) : 0
  const optional = head + 24
  const isPe = isDos && program.toString('latin1', head, head + 4) === 'PE\0\0'
  if (!isPe || program.readUInt16LE(optional) !== 0x20b) {
    throw new Error('this is no program for Windows of 64 bits')
  }
  const at = optional + 112 + certificates * 8
  const unsigned = Buffer.from(program)
  unsigned.fill(0, at, at + 8)
  return unsigned
}
