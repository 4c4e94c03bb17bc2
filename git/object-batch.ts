// Blob ids in; their texts out, in as few commands as their sizes allow. A blob that is too large is
// reported by its size and never read.
import type { GitOptions } from './command.ts'
import { limits } from './yaml-limits.ts'

export type RunGit = (args: readonly string[], more?: Partial<GitOptions>) => Promise<Buffer>

export type Blob =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'too-large'; readonly bytes: number }
  | { readonly kind: 'not-text' }

const batchBytes = 16 * 1024 * 1024
const maxTotalBytes = 512 * 1024 * 1024

export async function readBatch(
  run: RunGit,
  ids: readonly string[],
  maxBytes: number = limits.bytes,
): Promise<Map<string, Blob>> {
  const blobs = new Map<string, Blob>()
  const unique = [...new Set(ids)]
  if (unique.length === 0) return blobs
  const sizes = await readSizes(run, unique)
  let batch: string[] = []
  let bytes = 0
  let totalBytes = 0
  for (const [id, size] of sizes) {
    if (size > maxBytes) {
      blobs.set(id, { kind: 'too-large', bytes: size })
      continue
    }
    if (bytes + size > batchBytes) {
      await readInto(run, batch, blobs)
      batch = []
      bytes = 0
    }
    batch.push(id)
    bytes += size
    totalBytes += size
    if (totalBytes > maxTotalBytes)
      throw new Error('the files to read are larger than 512 MiB together')
  }
  await readInto(run, batch, blobs)
  return blobs
}

async function readSizes(run: RunGit, ids: readonly string[]): Promise<Map<string, number>> {
  const output = await run(['cat-file', '--batch-check', '--buffer'], {
    input: `${ids.join('\n')}\n`,
  })
  const sizes = new Map<string, number>()
  for (const line of output.toString('latin1').split('\n')) {
    const match = /^([0-9a-f]+) blob ([0-9]+)$/.exec(line)
    if (match) sizes.set(match[1] ?? '', Number(match[2]))
  }
  if (sizes.size !== ids.length) throw new Error('the mirror lacks objects that its trees name')
  return sizes
}

async function readInto(
  run: RunGit,
  ids: readonly string[],
  blobs: Map<string, Blob>,
): Promise<void> {
  if (ids.length === 0) return
  const output = await run(['cat-file', '--batch', '--buffer'], { input: `${ids.join('\n')}\n` })
  let at = 0
  for (const id of ids) {
    const newline = output.indexOf(10, at)
    const size = Number(output.toString('latin1', at, newline).split(' ')[2])
    const start = newline + 1
    blobs.set(id, decode(output.subarray(start, start + size)))
    at = start + size + 1
  }
}

function decode(bytes: Buffer): Blob {
  try {
    // A byte order mark is kept, so that a text that is written back is the same in every byte.
    return {
      kind: 'text',
      text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes),
    }
  } catch {
    return { kind: 'not-text' }
  }
}
