// Text in, definitions and errors out: hostile YAML, globs, schedules.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { rolloutText } from '../repository/repository.fixture.ts'
import { parseYamlFile } from '../yaml/yaml-file.ts'
import { readDefinitions } from './definition-index.ts'
import { pathFilter } from './glob.ts'
import { timesOf } from './schedule.ts'

const read = (...texts: string[]) =>
  readDefinitions({
    namespace: 'shop',
    files: texts.map((text, i) => ({ path: `${i}.yaml`, blobId: `${i}`, text })),
  })

describe('a file', () => {
  it('yields its Rollouts and templates, and is silent about other kinds', () => {
    const template =
      'apiVersion: sluice.dev/v1alpha1\nkind: AnalysisTemplate\nmetadata: {name: t}\nspec: {checks: [{name: a, successRate: {min: 9}}]}\n'
    const source = 'apiVersion: sluice.dev/v1alpha1\nkind: GitSource\nmetadata: {name: g}\n'
    const foreign = 'apiVersion: v1\nkind: ConfigMap\na: 1\na: !x 2\n'
    const { definitions, errors, skipped } = read(
      [rolloutText(), template, source, foreign, ''].join('---\n'),
      'not: kubernetes',
      '{{ helm }}',
    )
    assert.deepEqual(errors, [])
    assert.equal(skipped, 2)
    assert.deepEqual(
      definitions.map(({ identity, documentIndex, revision }) => [
        identity,
        documentIndex,
        revision?.length,
      ]),
      [
        ['Rollout/shop/checkout', 0, 10],
        ['AnalysisTemplate/shop/t', 1, undefined],
      ],
    )
    assert.deepEqual(definitions[0]?.object['metadata'], { name: 'checkout', namespace: 'shop' })
  })

  it('tells of a kind that is misspelt', () => {
    const { definitions, errors } = read(rolloutText().replace('kind: Rollout', 'kind: Rollouts'))
    assert.deepEqual(definitions, [])
    assert.deepEqual(
      errors.map(({ line, message }) => `${line} ${message}`),
      ['2 kind "Rollouts" is unknown. Write Rollout or AnalysisTemplate'],
    )
  })

  it('writes no template of the whole cluster, and says where one stands', () => {
    const text = `apiVersion: sluice.dev/v1alpha1
kind: ClusterAnalysisTemplate
metadata: { name: usual }
spec: { checks: [{ name: errors, successRate: { min: 99 } }] }
`
    const { definitions, errors } = read(`${text}---\n${rolloutText()}`)
    assert.equal(definitions.length, 1)
    assert.deepEqual(
      errors.map(({ line, message }) => `${line} ${message}`),
      [
        '2 ClusterAnalysisTemplate usual is for all namespaces, but this GitSource may only write to shop. Write an AnalysisTemplate, or leave the file out by "include" and let an administrator apply it',
      ],
    )
  })

  it('tells that a List hides what it holds', () => {
    const items = rolloutText().replaceAll('\n', '\n    ').trim()
    const { definitions, errors, isComplete } = read(
      `apiVersion: v1\nkind: List\nitems:\n  - ${items}\n`,
      'apiVersion: v1\nkind: List\nitems: [] # sluice.dev/\n',
    )
    assert.deepEqual([definitions, isComplete], [[], false])
    assert.deepEqual(
      errors.map(({ path, line, message }) => `${path}:${line} ${message.slice(0, 9)}`),
      ['0.yaml:3 is a List'],
    )
  })

  it('is read as kubectl reads it', () => {
    const text = 'mode: 0644\non: yes\ntime: 12:30:45\ndate: 2026-01-02\nbig: 1_000\nnothing: ~\n'
    const [document] = parseYamlFile('', text).documents
    assert.deepEqual(document?.value, {
      mode: 420,
      on: true,
      time: '12:30:45',
      date: '2026-01-02',
      big: 1000,
      nothing: null,
    })
  })
})

const bombs: Record<string, [text: string, message: RegExp]> = {
  'nested brackets': ['['.repeat(100_000), /^1:65 is nested deeper than 64/],
  'nested braces': ['{a: '.repeat(50_000), /nested deeper/],
  'nested dashes': ['- '.repeat(50_000), /nested deeper/],
  'nested questions': ['? '.repeat(50_000), /nested deeper/],
  'nested keys': [
    Array.from({ length: 70 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
    /^66:66 is nested deeper/,
  ],
  'an alias bomb': [
    'a: &a [1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b]',
    /Use fewer aliases/,
  ],
  'an alias within itself': ['a: &a [*a]', /by its aliases/],
  'a merge key': ['a: &a {b: 1}\nc:\n  <<: *a', /^3:3 uses a merge key/],
  'a key twice': ['a: 1\nb: {c: 1, c: 2}', /^2:11 has the key "c" twice. Remove one/],
  'a tag of its own': ['a: !js/function x', /^1:4 Unresolved tag/],
  'bytes in base64': ['a: !!binary aGk=', /Unresolved tag/],
  'a prototype': ['a:\n  __proto__: {x: 1}', /^2:3 has the key "__proto__"/],
  'a constructor': ['constructor: {prototype: {x: 1}}', /has the key "constructor"/],
  'too many documents': ['---\na: 1\n'.repeat(1_100), /more than 1000 documents/],
  'a text that is too large': [`a: ${'x'.repeat(1_048_576)}`, /larger than 1 MiB/],
  'a NUL byte': ['a: "\0"', /NUL/],
  'a broken text': ['a: [1', /Correct the YAML at this place/],
  'a key that is a list': ['[a]: 1', /key/],
}

describe('hostile YAML ends in an error with its place', () => {
  for (const [name, [text, message]] of Object.entries(bombs)) {
    it(name, () => {
      const { documents, problems } = parseYamlFile('f', text)
      const all = [...problems, ...documents.flatMap((document) => document.problems)]
      assert.match(all.map((one) => `${one.line}:${one.column} ${one.message}`).join('\n'), message)
      assert.equal(Reflect.get({}, 'x'), undefined)
    })
  }

  it('and no text throws', () => {
    const piece = fc.constantFrom(
      'a',
      ': ',
      '\n',
      '- ',
      '  ',
      '[',
      ']',
      '{',
      '}',
      '&a ',
      '*a',
      '|',
      '"',
      "'",
      '#',
      '? ',
      '!x ',
      '---\n',
      '\t',
      '%',
      '<<',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        read(`${pieces.join('')}\n# sluice.dev/`)
      }),
      { numRuns: 500, seed: 3 },
    )
  })
})

describe('globs', () => {
  const rows: [glob: string, path: string, expected: boolean][] = [
    ['**/*.yaml', 'a.yaml', true],
    ['**/*.yaml', 'a/b/c.yaml', true],
    ['**/*.yaml', 'a/b/c.yml', false],
    ['*.yaml', 'a/b.yaml', false],
    ['apps/*/prod/**', 'apps/x/prod/deep/a.yaml', true],
    ['apps/*/prod/**', 'apps/x/test/a.yaml', false],
    ['a/**/b/**/c.yaml', 'a/x/b/y/z/c.yaml', true],
    ['a?.yaml', 'ab.yaml', true],
    ['a?.yaml', 'a.yaml', false],
    [`${'*a'.repeat(60)}b`, 'a'.repeat(1_000), false],
    [`${'**/a/'.repeat(40)}b`, 'a/'.repeat(400), false],
  ]
  for (const [glob, path, expected] of rows) {
    it(`${glob.slice(0, 20)} ${expected ? 'takes' : 'leaves'} ${path.slice(0, 20)}`, () => {
      assert.equal(pathFilter([glob], [])(path), expected)
      assert.equal(pathFilter(['**'], [glob])(path), !expected)
    })
  }
})

describe('a schedule', () => {
  const from = Date.parse('2026-03-01T10:00:30Z')
  const rows: [schedule: string, timeZone: string, expected: string | RegExp][] = [
    ['* * * * *', 'UTC', '2026-03-01T10:01:00.000Z'],
    ['*/10 * * * * *', 'UTC', '2026-03-01T10:00:40.000Z'],
    ['0 3 * * *', 'Europe/Berlin', '2026-03-02T02:00:00.000Z'],
    ['* * * *', 'UTC', /has 4 fields; write five/],
    ['61 * * * *', 'UTC', /schedule "61 \* \* \* \*" in UTC can not be used/],
    ['* * * * *', 'Mars/Olympus', /in Mars\/Olympus can not be used/],
  ]
  for (const [schedule, timeZone, expected] of rows) {
    it(`${schedule} in ${timeZone}`, () => {
      const times = timesOf({ schedule, timeZone })
      const said = 'next' in times ? new Date(times.next(from)).toISOString() : times.problem
      if (typeof expected === 'string') assert.equal(said, expected)
      else assert.match(said, expected)
    })
  }
  it('has one answer for all moments between two times, and none of them twice', () => {
    for (const [schedule, stepMs] of [
      ['* * * * *', 60_000],
      ['* * * * * *', 1_000],
    ] as const) {
      const times = timesOf({ schedule, timeZone: 'UTC' })
      assert.ok('next' in times)
      const first = times.next(from)
      assert.deepEqual(
        [from + 1, first - 1, first, first + 1].map((at) => times.next(at) - first),
        [0, 0, stepMs, stepMs],
      )
    }
  })
})
