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
  for (const record of fieldsOf(output.toString('utf8'))) {
    const match = /^([0-9]{6}) [a-z]+ ([0-9a-f]+) +([0-9]+|-)\t/.exec(record)
    if (!match) continue
    const [head, mode = '', id = '', size = '0'] = match
    entries.set(record.slice(head.length), { mode, id, size: size === '-' ? 0 : Number(size) })
  }
  return entries
}

export function parseChanges(output: Buffer): Change[] {
  return changesOf(output.toString('utf8'))
}

/** Output of `log --raw -z --format=%x01%H`. Changes of paths that are not wanted are left out. */
export function parseLog(output: Buffer, isWanted?: (path: string) => boolean): Commit[] {
  const text = output.toString('utf8')
  const commits: Commit[] = []
  for (let start = text.indexOf('\x01'); start >= 0; ) {
    const next = text.indexOf('\x01', start + 1)
    const block = text.slice(start + 1, next < 0 ? undefined : next)
    const id = /^[0-9a-f]+/.exec(block)?.[0] ?? ''
    commits.push({ id, changes: changesOf(block.slice(id.length), isWanted) })
    start = next
  }
  return commits
}

function changesOf(text: string, isWanted: (path: string) => boolean = () => true): Change[] {
  const changes: Change[] = []
  let head = ''
  for (const field of fieldsOf(text)) {
    if (head === '') {
      if (field.startsWith(':') || field.startsWith('\n:')) head = field
      continue
    }
    const match = isWanted(field)
      ? /^\n?:([0-9]{6}) ([0-9]{6}) ([0-9a-f]+) ([0-9a-f]+) [A-Z][0-9]*$/.exec(head)
      : null
    head = ''
    if (!match) continue
    const [, modeBefore = '', mode = '', idBefore = '', id = ''] = match
    changes.push({ path: field, before: side(modeBefore, idBefore), now: side(mode, id) })
  }
  return changes
}

/** NUL-separated fields, one by one: a listing may have many thousands. */
function* fieldsOf(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf('\0', start)
    yield text.slice(start, end < 0 ? undefined : end)
    if (end < 0) return
    start = end + 1
  }
}

function side(mode: string, id: string) {
  return mode === '000000' ? null : { mode, id }
}
