import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { run } from '../run.fixture.ts'
import { lint } from './lint.ts'

const head = (kind: string, name: string) =>
  `apiVersion: sluice.dev/v1alpha1\nkind: ${kind}\nmetadata: { name: ${name} }\n`
const rollout = (over = '', name = 'checkout') => `${head('Rollout', name)}spec:
  selector: { matchLabels: { app: checkout } }
  template: { spec: { containers: [] } }
  traffic: { istio: { host: checkout } }
  canary:
    steps:
      - { weight: 5, hold: 2m }
      - weight: 50
${over}`

const rows: readonly [string, string, readonly string[]][] = [
  ['a sound rollout', rollout(), []],
  [
    'a misspelt field, with what was meant',
    rollout('  replica: 6\n'),
    ['12:3 unknown field spec.replica: did you mean replicas?'],
  ],
  [
    'a value of the wrong type at its place',
    rollout('  replicas: "6"\n'),
    ['12:3 spec.replicas must be a number, found "6": write 6 without quotes'],
  ],
  [
    'a bare off, which YAML reads as false',
    rollout('  revert:\n    mode: off\n'),
    [
      '13:5 spec.revert.mode must be one of … or off, found false: write "off", in quotes, because YAML reads the bare word as false',
    ],
  ],
  [
    'a rule over several fields',
    rollout('  progressDeadline: 1m\n'),
    [
      '12:3 spec.progressDeadline must be longer than the longest hold, or no step can end in time, found "1m"',
    ],
  ],
  [
    'the second of two documents',
    `${rollout()}---\n${head('GitSource', 'shop')}spec: {}\n`,
    ['16:1 spec.repository is required'],
  ],
  [
    'an unknown kind',
    `${head('Rolout', 'x')}`,
    ['2:1 unknown kind "Rolout" of sluice.dev: did you mean Rollout?'],
  ],
  [
    'the same name twice',
    `${rollout()}---\n${rollout()}`,
    [
      '15:13 Rollout checkout is written twice, first at f.yaml:3: remove one, or they overwrite each other',
    ],
  ],
  [
    'arguments that its template does not have',
    `${head('AnalysisTemplate', 'web')}spec:
  args: [{ name: host }]
  checks: [{ name: up, prometheus: { query: 'up{r="{{revision}}"}', min: 1 } }]
---
${rollout('  analysis:\n    templateRef:\n      name: web\n      args:\n        hots: web\n')}`,
    ['20:5 the template needs the argument host', '23:9 the template has no argument hots'],
  ],
  [
    'arguments with which a check is none',
    `${head('AnalysisTemplate', 'web')}spec:
  args: [{ name: floor, type: number, sets: [{ check: up, field: successRate.min }] }]
  checks: [{ name: up, successRate: { min: 99 } }]
---
${rollout('  analysis:\n    templateRef:\n      name: web\n      args: { floor: "101" }\n')}`,
    ['20:5 AnalysisTemplate web: check up: successRate.min must be at most 100, found 101'],
  ],
  [
    'an argument where a number belongs',
    `${head('AnalysisTemplate', 'web')}spec:
  args: [{ name: floor, type: number }]
  checks: [{ name: up, successRate: { min: "{{args.floor}}" } }]
`,
    [
      '6:39 spec.checks[0].successRate.min must be a number, found "{{args.floor}}": write the default, and let an argument set it by its "sets"',
    ],
  ],
  [
    'items of a list',
    `apiVersion: v1\nkind: List\nitems:\n- apiVersion: sluice.dev/v1alpha1\n  kind: GitSource\n  metadata: { name: a }\n  spec: { repository: "https://u:p@host/x" }\n`,
    [
      '7:11 spec.repository must not carry credentials: the URL is shown in logs and status, found a URL with credentials',
    ],
  ],
  [
    'broken YAML',
    `${head('Rollout', 'x')}spec: [\n`,
    ['5:1 Flow sequence in block collection must be sufficiently indented and end with a ]'],
  ],
  [
    'a chart, which is no YAML and none of ours',
    '{{- if .Values.x }}\nkind: {{ .Values.kind }}\n',
    [],
  ],
  [
    'text that is deep',
    `# sluice.dev/\n${'['.repeat(100)}`,
    ['1:1 is nested deeper than 64 levels: flatten it'],
  ],
  [
    'an alias of itself',
    rollout().replace('containers: []', 'x: &a { y: *a }'),
    ['6:15 spec.template.spec must be nested at most 64 deep'],
  ],
  [
    'a name that would poison',
    `${head('Rollout', 'x')}spec: { __proto__: { a: 1 } }\n`,
    ['4:9 spec.__proto__ has a name that is not allowed: rename it'],
  ],
]
for (const [what, text, said] of rows) {
  test(`lint finds ${what}`, () => {
    const { findings } = lint([{ file: 'f.yaml', text }])
    const lines = findings.map(
      ({ line, column, message, remedy }) =>
        `${line}:${column} ${message.replace(/one of .* or/, 'one of … or')}${remedy === undefined ? '' : `: ${remedy}`}`,
    )
    assert.deepEqual(lines, said)
  })
}

describe('the command', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lint-'))
    await mkdir(join(folder, 'apps', '.git'), { recursive: true })
    await writeFile(join(folder, 'apps', 'good.yaml'), rollout())
    await writeFile(join(folder, 'apps', 'bad.yml'), rollout('  replica: 6\n', 'other'))
    await writeFile(join(folder, 'apps', '.git', 'hidden.yaml'), 'sluice.dev/ [')
  })
  after(() => rm(folder, { recursive: true }))

  test('names file, line and column, and ends with 1', async () => {
    const { out, err, code } = await run('http://127.0.0.1:1', ['lint', '-f', folder])
    assert.deepEqual(
      { out, err, code },
      {
        out: `${folder}/apps/bad.yml:12:3: unknown field spec.replica: did you mean replicas?\n`,
        err: '2 objects, 1 problem\n',
        code: 1,
      },
    )
  })

  test('reads standard input, and ends with 0 when nothing is wrong', async () => {
    const world = { readInput: async () => rollout() }
    assert.deepEqual(await run('http://127.0.0.1:1', ['lint', '-f', '-'], world), {
      out: '',
      err: '1 object, nothing is wrong\n',
      code: 0,
    })
  })

  test('writes SARIF', async () => {
    const { out } = await run('http://127.0.0.1:1', ['lint', '-f', folder, '-o', 'sarif'])
    const [{ results }] = JSON.parse(out).runs
    assert.deepEqual(results[0].locations[0].physicalLocation.region, {
      startLine: 12,
      startColumn: 3,
    })
  })

  test('ends with 2 when a file is not there', async () => {
    const { err, code } = await run('http://127.0.0.1:1', ['lint', '-f', join(folder, 'no')])
    assert.equal(code, 2)
    assert.match(err, /there is no such file or folder/)
  })
})
