// Every example, and every fenced YAML block in the documents, in; all must parse with the real schemas.
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { parseAllDocuments } from 'yaml'
import {
  parseAnalysisTemplate,
  parseClusterAnalysisTemplate,
  parseGitSource,
  parseNotification,
  parseRollout,
  type Result,
} from './parse.ts'
import { describeProblem } from './problem.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

const parsers: Readonly<Record<string, (object: unknown) => Result<unknown>>> = {
  Rollout: parseRollout,
  AnalysisTemplate: parseAnalysisTemplate,
  ClusterAnalysisTemplate: parseClusterAnalysisTemplate,
  GitSource: parseGitSource,
  Notification: parseNotification,
}

interface Example {
  /** File, and line where it is a fenced block. */
  readonly place: string
  readonly kind: string
  readonly object: unknown
}

test('every example parses, and there is one of each kind', () => {
  const found = files('examples/**/*.yaml').flatMap((path) => documents(path, read(path)))
  assert.deepEqual(problems(found), [])
  assert.deepEqual([...new Set(found.map(({ kind }) => kind))].toSorted(), [
    'AnalysisTemplate',
    'ClusterAnalysisTemplate',
    'GitSource',
    'Notification',
    'Rollout',
  ])
})

test('every fenced object of ours in the documents parses', () => {
  const pages = [...files('*.md'), ...files('docs/**/*.md'), ...files('*/README.md')]
  assert.deepEqual(problems(pages.flatMap((path) => fences(path, read(path)))), [])
})

test('the schemas for editors take every example and mark misspelt fields', () => {
  const ajv = new Ajv({ strict: false })
  for (const { place, kind, object } of files('examples/**/*.yaml').flatMap((path) =>
    documents(path, read(path)),
  )) {
    const schema = JSON.parse(read(`crds/schema/${kind.toLowerCase()}.json`))
    const validate = ajv.getSchema(schema.$id) ?? ajv.compile(schema)
    assert.ok(validate(object), `${place}: ${ajv.errorsText(validate.errors)}`)
    const misspelt = { ...Object(object), spec: { ...Object(object).spec, extra: 1 } }
    assert.equal(validate(misspelt), false, place)
  }
})

test('a fenced block is found with its line', () => {
  const page = ['# Page', '', '```yaml', 'kind: Rollout', '---', 'kind: Service', '```', ''].join(
    '\n',
  )
  assert.deepEqual(fences('page.md', page), [
    { place: 'page.md:3', kind: 'Rollout', object: { kind: 'Rollout' } },
  ])
})

function problems(examples: readonly Example[]): string[] {
  return examples.flatMap(({ place, kind, object }) => {
    const result = parsers[kind]?.(object)
    if (result === undefined || result.ok) return []
    return result.problems.map((problem) => `${place}: ${describeProblem(problem)}`)
  })
}

/** Objects of our kinds; a block with an ellipsis is a sketch and is left out. */
function documents(place: string, text: string): Example[] {
  if (text.includes('…')) return []
  return parseAllDocuments(text, { version: '1.1' }).flatMap((document) => {
    assert.deepEqual(document.errors, [], place)
    const object: unknown = document.toJS()
    const kind = String(Object(object).kind)
    return kind in parsers ? [{ place, kind, object }] : []
  })
}

function fences(path: string, text: string): Example[] {
  return [...text.matchAll(/^```ya?ml\n([\s\S]*?)^```/gm)].flatMap((match) => {
    const line = text.slice(0, match.index).split('\n').length
    return documents(`${path}:${line}`, match[1] ?? '')
  })
}

function files(pattern: string): string[] {
  return globSync(pattern, { cwd: root, exclude: ['node_modules'] }).toSorted()
}

function read(path: string): string {
  const file = join(root, path)
  assert.ok(existsSync(file), `${path} is missing: run npm run generate`)
  return readFileSync(file, 'utf8')
}
