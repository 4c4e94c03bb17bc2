// Blob ids in; their texts out, in as few commands as their sizes allow. A blob that is too large is
// reported by its size and never read.
import { isUtf8 } from 'node:buffer'
import { limits } from '../yaml/yaml-limits.ts'
import type { GitOptions } from './command.ts'

export type RunGit = (args: readonly string[], more?: Partial<GitOptions>) => Promise<Buffer>

export type Blob =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'too-large'; readonly bytes: number }
  | { readonly kind: 'not-text' }
  /** Text that nobody wants to see, by the filter that was given. */
  | { readonly kind: 'unwanted' }

export interface BatchOptions {
  readonly maxBytes?: number | undefined
  /** Spares the decoding of texts that hold nothing of interest. */
  readonly isWanted?: ((bytes: Buffer) => boolean) | undefined
}

const batchBytes = 4 * 1024 * 1024
const maxTotalBytes = 512 * 1024 * 1024

export async function readBatch(
  run: RunGit,
  ids: readonly string[],
  maxBytes: number = limits.bytes,
): Promise<Map<string, Blob>> {
  const blobs = new Map<string, Blob>()
  const unique = [...new Set(ids)]
  if (unique.length === 0) return blobs
  for await (const [id, blob] of streamBatch(run, await readSizes(run, unique), { maxBytes })) {
    blobs.set(id, blob)
  }
  return blobs
}

/** Blobs one after the other, so that not all of them need to be in memory. `sizes` are bytes by id. */
export async function* streamBatch(
  run: RunGit,
  sizes: ReadonlyMap<string, number>,
  { maxBytes = limits.bytes, isWanted }: BatchOptions = {},
): AsyncGenerator<readonly [string, Blob]> {
  const batches = batchesOf(sizes, maxBytes)
  let next = readContents(run, batches[0] ?? [])
  for (const [i, batch] of batches.entries()) {
    const contents = await next
    // The next one is read while this one is used.
    next = readContents(run, batches[i + 1] ?? [])
    next.catch(() => undefined)
    yield* texts(contents, batch, isWanted)
  }
  for (const [id, bytes] of sizes) if (bytes > maxBytes) yield [id, { kind: 'too-large', bytes }]
}

function batchesOf(sizes: ReadonlyMap<string, number>, maxBytes: number): string[][] {
  const batches: string[][] = [[]]
  let bytes = 0
  let totalBytes = 0
  for (const [id, size] of sizes) {
    if (size > maxBytes) continue
    if (bytes + size > batchBytes) {
      batches.push([])
      bytes = 0
    }
    batches.at(-1)?.push(id)
    bytes += size
    totalBytes += size
  }
  if (totalBytes > maxTotalBytes) {
    throw new Error('the files to read are larger than 512 MiB together')
  }
  return batches
}

/** Ids and sizes of blobs that are named by commit and path; what is not there is left out. */
export async function resolveNames(
  run: RunGit,
  names: readonly string[],
): Promise<Map<string, { readonly id: string; readonly bytes: number }>> {
  const found = new Map<string, { readonly id: string; readonly bytes: number }>()
  if (names.length === 0) return found
  const output = await run(['cat-file', '--batch-check', '--buffer'], {
    input: `${names.join('\n')}\n`,
  })
  for (const [i, line] of output.toString('utf8').split('\n').entries()) {
    const match = /^([0-9a-f]+) blob ([0-9]+)$/.exec(line)
    const name = names[i]
    if (match && name !== undefined) {
      found.set(name, { id: match[1] ?? '', bytes: Number(match[2]) })
    }
  }
  return found
}

export async function readSizes(run: RunGit, ids: readonly string[]): Promise<Map<string, number>> {
  if (ids.length === 0) return new Map()
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

async function readContents(run: RunGit, ids: readonly string[]): Promise<Buffer> {
  if (ids.length === 0) return Buffer.alloc(0)
  return run(['cat-file', '--batch', '--buffer'], { input: `${ids.join('\n')}\n` })
}

function* texts(
  output: Buffer,
  ids: readonly string[],
  isWanted: BatchOptions['isWanted'],
): Generator<[string, Blob]> {
  let at = 0
  for (const id of ids) {
    const newline = output.indexOf(10, at)
    const size = Number(output.toString('latin1', at, newline).split(' ')[2])
    const start = newline + 1
    yield [id, decode(output.subarray(start, start + size), isWanted)]
    at = start + size + 1
  }
}

function decode(bytes: Buffer, isWanted: BatchOptions['isWanted']): Blob {
  if (!isUtf8(bytes)) return { kind: 'not-text' }
  if (isWanted !== undefined && !isWanted(bytes)) return unwanted
  // A byte order mark is kept, so that a text that is written back is the same in every byte.
  return { kind: 'text', text: bytes.toString('utf8') }
}

const unwanted: Blob = { kind: 'unwanted' }
