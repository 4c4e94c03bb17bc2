// Names of files and folders in, the texts of what may hold definitions out. `-` is standard input.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../failure.ts'
import type { World } from '../invocation.ts'
import type { Source } from './lint.ts'

const fileLimit = 20_000
const depthLimit = 32
const bytesLimit = 4 * 1024 * 1024

/** A folder is searched with its folders, for .yaml, .yml and .json; links and hidden ones are left out. */
export async function readSources(names: readonly string[], world: World): Promise<Source[]> {
  const sources: Source[] = []
  for (const name of names) {
    if (name === '-') sources.push({ file: 'stdin', text: await world.readInput() })
    else for (const file of filesOf(name)) sources.push({ file, text: read(file) })
  }
  return sources
}

function filesOf(name: string): string[] {
  const found: string[] = []
  const walk = (folder: string, depth: number) => {
    if (depth > depthLimit) throw new UsageError(`${folder} is nested deeper than ${depthLimit}`)
    const entries = readdirSync(folder, { withFileTypes: true })
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(folder, entry.name)
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue
      if (entry.isDirectory()) walk(path, depth + 1)
      else if (entry.isFile() && /\.(ya?ml|json)$/.test(entry.name)) found.push(path)
      if (found.length > fileLimit) throw new UsageError(`more than ${fileLimit} files in ${name}`)
    }
  }
  const isFolder = guarded(name, () => statSync(name).isDirectory())
  if (!isFolder) return [name]
  guarded(name, () => walk(name, 0))
  return found
}

function read(file: string): string {
  return guarded(file, () => {
    if (statSync(file).size > bytesLimit) throw new UsageError(`${file} is larger than 4 MiB`)
    return readFileSync(file, 'utf8')
  })
}

function guarded<T>(name: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (cause instanceof UsageError) throw cause
    const code = cause instanceof Error && 'code' in cause ? cause.code : 'unknown'
    const why =
      code === 'ENOENT' ? 'there is no such file or folder' : `it cannot be read (${code})`
    throw new UsageError(`${name}: ${why}`)
  }
}
