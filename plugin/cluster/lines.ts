// Chunks of bytes in, lines of text out. A line has a limit, because a server is not trusted to end one.
import { StringDecoder } from 'node:string_decoder'
import { Failure } from '../failure.ts'

/** Lines without their ends and without empty ones; a last line needs no end. */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  limitBytes: number,
): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + decoder.write(Buffer.from(chunk))).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > limitBytes) throw new Failure('a line of its answer is too long')
    for (const line of lines) if (line.trim() !== '') yield line
  }
  if (rest.trim() !== '') yield rest
}
