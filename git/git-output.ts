// Bytes that git wrote in; trees, changes and commits out (pure). Everything is NUL-separated, so that no
// path can pretend to be two.

export interface TreeEntry {
  /** 100644, 100755, 120000 (symlink) or 160000 (submodule). */
  readonly mode: string
  readonly id: string
  /** Bytes; 0 for submodules. */
  readonly size: number
}
export type Tree = ReadonlyMap<string, TreeEntry>

export interface Change {
  readonly path: string
  /** Mode and blob after the change, or null when the file was deleted. */
  readonly now: { readonly mode: string; readonly id: string } | null
  readonly before: { readonly mode: string; readonly id: string } | null
}

export interface Commit {
  readonly id: string
  readonly changes: readonly Change[]
}

export function parseTree(output: Buffer): Tree {
  const entries = new Map<string, TreeEntry>()
  for (const record of output.toString('utf8').split('\0')) {
    const match = /^([0-9]{6}) [a-z]+ ([0-9a-f]+) +([0-9]+|-)\t/.exec(record)
    if (!match) continue
    const [head, mode = '', id = '', size = '0'] = match
    entries.set(record.slice(head.length), { mode, id, size: size === '-' ? 0 : Number(size) })
  }
  return entries
}

export function parseChanges(output: Buffer): Change[] {
  return changesOf(output.toString('utf8').split('\0'))
}

/** Output of `log --raw -z --format=%x01%H`. */
export function parseLog(output: Buffer): Commit[] {
  const blocks = output.toString('utf8').split('\x01').slice(1)
  return blocks.map((block) => {
    const id = /^[0-9a-f]+/.exec(block)?.[0] ?? ''
    return { id, changes: changesOf(block.slice(id.length).split('\0')) }
  })
}

function changesOf(fields: readonly string[]): Change[] {
  const changes: Change[] = []
  for (const [i, field] of fields.entries()) {
    const match = /^\n?:([0-9]{6}) ([0-9]{6}) ([0-9a-f]+) ([0-9a-f]+) [A-Z][0-9]*$/.exec(field)
    const path = fields[i + 1]
    if (!match || path === undefined) continue
    const [, modeBefore = '', mode = '', idBefore = '', id = ''] = match
    changes.push({ path, before: side(modeBefore, idBefore), now: side(mode, id) })
  }
  return changes
}

function side(mode: string, id: string) {
  return mode === '000000' ? null : { mode, id }
}
