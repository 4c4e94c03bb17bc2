// The first bytes of a connection in, the name that its TLS handshake asks for out. Pure.
export type Greeting =
  | { readonly kind: 'tls'; readonly serverName: string | null }
  | { readonly kind: 'plain' }
  /** More bytes are needed. */
  | { readonly kind: 'short' }

const handshakeRecord = 0x16
const clientHello = 1
const serverNameExtension = 0
const recordHeader = 5
// Version and random, after the header of the handshake message.
const fixedPart = 4 + 2 + 32

/** RFC 8446, section 4.1.2, as far as the name. A handshake in several records counts as unnamed. */
export function readGreeting(bytes: Buffer): Greeting {
  if (bytes.length === 0) return { kind: 'short' }
  if (bytes[0] !== handshakeRecord) return { kind: 'plain' }
  if (bytes.length < recordHeader) return { kind: 'short' }
  const length = bytes.readUInt16BE(3)
  if (bytes.length < recordHeader + length) return { kind: 'short' }
  const message = bytes.subarray(recordHeader, recordHeader + length)
  if (message[0] !== clientHello) return { kind: 'plain' }
  try {
    return { kind: 'tls', serverName: nameIn(message) }
  } catch {
    return { kind: 'tls', serverName: null }
  }
}

/** Throws a RangeError where lengths lead out of the message. */
function nameIn(message: Buffer): string | null {
  let at = fixedPart
  at += 1 + message.readUInt8(at)
  at += 2 + message.readUInt16BE(at)
  at += 1 + message.readUInt8(at)
  const end = at + 2 + message.readUInt16BE(at)
  at += 2
  while (at < end) {
    const type = message.readUInt16BE(at)
    const length = message.readUInt16BE(at + 2)
    const start = at + 4
    if (type === serverNameExtension) {
      const nameLength = message.readUInt16BE(start + 3)
      return message.toString('ascii', start + 5, start + 5 + nameLength)
    }
    at = start + length
  }
  return null
}
