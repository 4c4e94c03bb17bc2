// Bytes of a watch in, whole lines out. Pure, with a limit on the length of a line.

/** The text between newlines; what follows the last newline is a line too. Throws over the limit. */
export async function* lines(
  chunks: AsyncIterable<Uint8Array>,
  limitBytes: number,
): AsyncGenerator<string> {
  let parts: Uint8Array[] = []
  let lengthBytes = 0
  const keep = (part: Uint8Array) => {
    lengthBytes += part.length
    if (lengthBytes > limitBytes) throw new Error(`a line is longer than ${limitBytes} bytes`)
    parts.push(part)
  }
  const flush = (): string => {
    const text = Buffer.concat(parts, lengthBytes).toString('utf8').trim()
    parts = []
    lengthBytes = 0
    return text
  }
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      keep(chunk.subarray(from, end))
      from = end + 1
      const line = flush()
      if (line !== '') yield line
    }
    if (from < chunk.length) keep(chunk.subarray(from))
  }
  const rest = flush()
  if (rest !== '') yield rest
}
