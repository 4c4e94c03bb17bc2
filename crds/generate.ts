// The zod schemas in; CRDs, editor schemas and the field reference out. With --check nothing is written:
// stale files are named and the exit code is 1.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { customResourceYaml } from './custom-resource.ts'
import { editorSchema } from './editor-schema.ts'
import { kinds } from './kinds.ts'
import { reference } from './reference.ts'

const generated = 'Generated from crds/*.ts by `npm run generate`; edits here are lost.'

/** Path in the repository → content of every generated file. */
function generatedFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (const kind of kinds) {
    const yaml = customResourceYaml(kind, `# ${generated}\n`)
    files.set(`crds/${kind.plural}.yaml`, yaml)
    files.set(`charts/sluice/crds/${kind.plural}.yaml`, yaml)
    const schema = { $comment: generated, ...editorSchema(kind) }
    files.set(`crds/schema/${kind.singular}.json`, formattedJson(schema))
    files.set(`docs/reference/${kebab(kind.kind)}.md`, reference(kind, generated))
  }
  return files
}

/** Paths of generated files below `root` that differ from what the sources say. */
export function staleFiles(root: string): string[] {
  return [...generatedFiles()].flatMap(([path, content]) =>
    read(join(root, path)) === content ? [] : [path],
  )
}

/** As the formatter has it: a list of scalars on one line where it fits. */
function formattedJson(value: object): string {
  const text = JSON.stringify(value, null, 2).replaceAll(
    /^( *)(.*)\[\n((?: *(?:"(?:[^"\\]|\\.)*"|[\w.+-]+),?\n)+) *\](,?)$/gm,
    (whole, indent: string, key: string, items: string, comma: string) => {
      const line = `${indent}${key}[${items.trim().replaceAll(/\n */g, ' ')}]${comma}`
      return line.length - comma.length <= 100 ? line : whole
    },
  )
  return `${text}\n`
}

function kebab(name: string): string {
  return name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

function write(root: string): void {
  for (const [path, content] of generatedFiles()) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
}

function main(): void {
  const root = fileURLToPath(new URL('..', import.meta.url))
  if (!process.argv.includes('--check')) {
    write(root)
    return
  }
  const stale = staleFiles(root)
  for (const path of stale) process.stderr.write(`${path} is stale: run npm run generate\n`)
  process.exitCode = stale.length > 0 ? 1 : 0
}

if (import.meta.main) main()
