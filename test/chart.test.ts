// Texts of the chart and of the pages about it in, whether they say the same out. Helm is not needed here; the
// end-to-end suite renders and installs the chart.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { parse, parseAllDocuments } from 'yaml'
import { waits } from '../controller/rollout/reasons.ts'
import { verbs } from '../crds/words.ts'
import { simulatedRights } from './e2e/simulated-rights.ts'

const read = (path: string) => readFile(join(import.meta.dirname, '..', path), 'utf8')

interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
}

it('the page about rights has the rules of the controller, one by one', async () => {
  const [own = [], lease = []] = await tablesOf('docs/reference/rbac.md')
  assert.deepEqual(own.map(firstThree), (await controllerRules()).map(row))
  const access = await objectsOf('charts/sluice/templates/access.yaml')
  assert.deepEqual(lease.map(firstThree), access.flatMap(({ rules }) => rules ?? []).map(row))
})

it('the controller asks for nothing in the simulation that the chart does not grant', async () => {
  const granted = (await controllerRules()).flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => `${group} ${resource} ${verb}`)),
    ),
  )
  const used = await simulatedRights(Array.from({ length: 12 }, (_, i) => i + 1))
  assert.ok(used.size > 20, `${used.size} rights`)
  assert.deepEqual(
    [...used].filter((right) => !granted.includes(right)),
    [],
  )
})

it('the page about rights has the roles for people, and there is a right for each command', async () => {
  const [, , people = []] = await tablesOf('docs/reference/rbac.md')
  const roles = await objectsOf('charts/sluice/templates/people.yaml')
  const expected = roles.flatMap(({ rules, metadata }) =>
    (rules ?? []).map((rule) => [`sluice${metadata.name}`, ...row(rule)]),
  )
  assert.deepEqual(people, expected)
  const commands = roles.flatMap(({ rules }) => rules ?? []).flatMap(({ resources }) => resources)
  const policy = await read('charts/sluice/templates/commands.yaml')
  for (const verb of verbs) {
    assert.ok(commands.includes(`rollouts/${verb}`), verb)
    assert.ok(policy.includes(`'${verb}'`) && policy.includes(`"${verb}"`), verb)
  }
})

it('the README of the chart names every value and no other', async () => {
  const table = (await tablesOf('charts/sluice/README.md'))[0] ?? []
  const named = table.flatMap(([names = '']) =>
    [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  )
  const values = leavesOf(parse(await read('charts/sluice/values.yaml')))
  const isNamed = (path: string) =>
    named.some((name) => path === name || path.startsWith(`${name}.`))
  assert.deepEqual(
    values.filter((path) => !isNamed(path)),
    [],
  )
  const isValue = (name = '') => values.some((path) => path === name || path.startsWith(`${name}.`))
  assert.deepEqual(
    named.filter((name) => !isValue(name)),
    [],
  )
})

it('the guide to operations knows every reason to wait', async () => {
  const reasons = (await tablesOf('docs/guides/operations.md'))[0] ?? []
  assert.deepEqual(
    reasons.map(([reason]) => reason),
    Object.keys(waits),
  )
})

/** Rows of each table, without its head. */
async function tablesOf(path: string): Promise<string[][][]> {
  const tables = (await read(path)).match(/(^\|.*\n)+/gm) ?? []
  return tables.map((table) =>
    table
      .trimEnd()
      .split('\n')
      .slice(2)
      .map((line) =>
        line
          .slice(1, -1)
          .split(' | ')
          .map((cell) => cell.trim()),
      ),
  )
}

function row({ apiGroups, resources, resourceNames, verbs }: Rule): string[] {
  const names = resourceNames ? ` named ${resourceNames.join(', ')}` : ''
  const groups = apiGroups.map((group) => group || 'core')
  return [groups.join(', '), resources.join(', ') + names, verbs.join(', ')]
}

async function controllerRules(): Promise<Rule[]> {
  const template = await read('charts/sluice/templates/_names.tpl')
  const [, rules = ''] = /define "sluice.rules" -\}\}\n([\s\S]*)$/.exec(template) ?? []
  return parse(plain(rules))
}

const firstThree = (cells: readonly string[]) => cells.slice(0, 3)

/** Without the instructions of the template; names keep what is not one. */
function plain(template: string): string {
  return template
    .split('\n')
    .filter((line) => !/^\s*\{\{.*\}\}$/.test(line))
    .join('\n')
    .replaceAll(/\{\{[^}]*\}\}/g, '')
}

interface Granting {
  readonly metadata: { readonly name: string }
  /** Null where they are made elsewhere. */
  readonly rules?: readonly Rule[] | null
}

async function objectsOf(path: string): Promise<Granting[]> {
  return parseAllDocuments(plain(await read(path))).map((document) => document.toJS())
}

function leavesOf(value: unknown, path = ''): string[] {
  const isTree = typeof value === 'object' && value !== null && !Array.isArray(value)
  const entries = isTree ? Object.entries(value) : []
  if (entries.length === 0) return [path]
  return entries.flatMap(([name, inner]) => leavesOf(inner, path ? `${path}.${name}` : name))
}
