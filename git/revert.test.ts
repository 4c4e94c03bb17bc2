// Rows of (good, bad, tip) and the whole text expected; then random releases and random neighbours' edits.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parse, stringify } from 'yaml'
import { revisionOf } from '../crds/revision.ts'
import { findRollout, revertRelease, templateOf } from './revert.ts'
import { parseYamlFile } from './yaml-file.ts'

const rollout = { namespace: 'shop', name: 'checkout' }

const good = `# The checkout of the shop.
apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata:
  name: checkout
spec:
  replicas: 6 # raised for the sale
  template:
    metadata:
      labels: { app: checkout }
    spec:
      containers:
        # the application
        - name: app
          image: "registry/checkout:1.4" # pinned by the release bot
          ports: [{ containerPort: 8080 }]
          env:
            - name: LOG
              value: info
            - name: CACHE
              value: 'on'
          args: [--fast, --safe]
          resources:
            limits:
              memory: 256Mi   # measured in May
        - name: proxy
          image: proxy:2
  canary:
    steps:
      - { weight: 5 }
`

const edit = (text: string, ...pairs: [string, string][]): string =>
  pairs.reduce((result, [from, to]) => {
    assert.ok(result.includes(from), `the fixture holds ${from}`)
    return result.replace(from, () => to)
  }, text)

const image = (tag: string): [string, string] => ['checkout:1.4"', `checkout:${tag}"`]
const bad = edit(good, image('1.5'))
const neighbour = `---
apiVersion: v1
kind: ConfigMap
metadata: {name: other}   # not ours
data: {a: "1"}
`

interface Row {
  readonly name: string
  readonly good?: string
  readonly bad?: string
  readonly tip: string | null
  readonly kind?: string
  readonly text?: string
  readonly because?: RegExp
}

const rows: Row[] = [
  { name: '1 nothing else happened', tip: bad, text: good },
  {
    name: '2 the bad commit also changed a neighbour in the same file, which stays',
    good: good + neighbour,
    bad: bad + edit(neighbour, ['"1"', '"2"']),
    tip: bad + edit(neighbour, ['"1"', '"2"']),
    text: good + edit(neighbour, ['"1"', '"2"']),
  },
  {
    name: '3 a neighbour in the same file moved on since',
    good: good + neighbour,
    bad: bad + neighbour,
    tip: edit(neighbour, ['"1"', '"3"']) + bad.replace(/^/, '---\n'),
    text: edit(neighbour, ['"1"', '"3"']) + good.replace(/^/, '---\n'),
  },
  {
    name: '4 a newer commit changed replicas in the same document',
    tip: edit(bad, ['replicas: 6', 'replicas: 9']),
    text: edit(good, ['replicas: 6', 'replicas: 9']),
  },
  {
    name: '5 a hotfix set a third image',
    tip: edit(good, image('1.5.1')),
    kind: 'superseded',
    because: /spec\.template\.spec\.containers\[0\]\.image of shop\/checkout has a third value/,
  },
  { name: '6 a person has reverted already', tip: good, kind: 'nothing' },
  {
    name: '7 the bad release came by a merge commit together with other fields',
    bad: edit(good, image('1.5'), ['weight: 5', 'weight: 10']),
    tip: edit(good, image('1.5'), ['weight: 5', 'weight: 10']),
    text: edit(good, ['weight: 5', 'weight: 10']),
  },
  {
    name: '8 the release was spread over two commits',
    bad: edit(good, image('1.5'), ['value: info', 'value: debug']),
    tip: edit(good, image('1.5'), ['value: info', 'value: debug']),
    text: good,
  },
  {
    name: '9 the document moved into a file with others',
    tip: `${neighbour}---\n${bad}`,
    text: `${neighbour}---\n${good}`,
  },
  { name: '10 the file was deleted', tip: null, kind: 'superseded', because: /no longer on the/ },
  { name: '10b the document was deleted', tip: neighbour, kind: 'superseded' },
  {
    name: '11 the history was rewritten and the formatting with it',
    tip: stringify(parse(bad)),
    text: edit(stringify(parse(bad)), ['registry/checkout:1.5', '"registry/checkout:1.4"']),
  },
  {
    name: '12 a person edited the neighbouring lines',
    tip: edit(bad, ['- name: app', '- name: app\n          imagePullPolicy: Always']),
    text: edit(good, ['- name: app', '- name: app\n          imagePullPolicy: Always']),
  },
  {
    name: 'a field that bad added goes, one that it removed comes back with its comments',
    bad: edit(
      good,
      ['            limits:\n              memory: 256Mi   # measured in May\n', ''],
      ['          resources:\n', '          tty: true\n'],
      ['replicas', 'replicas'],
    ),
    tip: edit(
      good,
      ['            limits:\n              memory: 256Mi   # measured in May\n', ''],
      ['          resources:\n', '          tty: true\n'],
      ['replicas: 6', 'replicas: 7'],
    ),
    text: edit(good, ['replicas: 6', 'replicas: 7']),
  },
  {
    name: 'named items of lists are added and removed by name',
    bad: edit(
      good,
      ["            - name: CACHE\n              value: 'on'\n", ''],
      [
        '            - name: LOG',
        '            - name: NEW\n              value: x\n            - name: LOG',
      ],
    ),
    tip: edit(
      good,
      [
        "            - name: CACHE\n              value: 'on'\n",
        '            - name: MINE\n              value: kept\n',
      ],
      [
        '            - name: LOG',
        '            - name: NEW\n              value: x\n            - name: LOG',
      ],
    ),
    text: edit(good, [
      "              value: 'on'\n",
      "              value: 'on'\n            - name: MINE\n              value: kept\n",
    ]),
  },
  {
    name: 'a list without names is one value',
    bad: edit(good, ['--fast, --safe', '--faster']),
    tip: edit(good, ['--fast, --safe', '--faster'], ['replicas: 6', 'replicas: 7']),
    text: edit(good, ['replicas: 6', 'replicas: 7']),
  },
  {
    name: 'a list without names that a person changed since is a third value',
    bad: edit(good, ['--fast, --safe', '--faster']),
    tip: edit(good, ['--fast, --safe', '--faster, --mine']),
    kind: 'superseded',
  },
  {
    name: 'a field in braces is added and removed in place',
    bad: edit(good, ['{ app: checkout }', '{ app: checkout, tier: web }']),
    tip: edit(good, ['{ app: checkout }', '{ app: checkout, tier: web }'], ['6 #', '7 #']),
    text: edit(good, ['6 #', '7 #']),
  },
  {
    name: 'line ends of Windows stay',
    tip: edit(bad, ['replicas: 6', 'replicas: 7']).replaceAll('\n', '\r\n'),
    text: edit(good, ['replicas: 6', 'replicas: 7']).replaceAll('\n', '\r\n'),
  },
  {
    name: 'a release behind an alias needs a person',
    tip: edit(
      bad,
      ['  template:\n', '  extra: &t\n    a: 1\n  template:\n'],
      ['image: "registry/checkout:1.5"', 'image: &i "registry/checkout:1.5"'],
      ['  canary:', '  other: *i\n  canary:'],
    ),
    kind: 'needs-human',
    because: /shared with other fields by anchors/,
  },
  {
    name: 'a tip that can not be read needs a person',
    tip: edit(bad, ['{ app:', '{ app: [']),
    kind: 'needs-human',
  },
]

const template = (text: string) => {
  const document = findRollout(parseYamlFile('', text).documents, rollout)
  assert.ok(document)
  return templateOf(document)
}

const revert = (row: { good?: string; bad?: string; tip: string | null }) =>
  revertRelease({
    rollout,
    tip: row.tip === null ? null : { path: 'shop/checkout.yaml', text: row.tip },
    bad: { template: template(row.bad ?? bad), text: row.bad ?? bad },
    good: { template: template(row.good ?? good), text: row.good ?? good },
  })

describe('a revert restores the release and nothing else', () => {
  for (const row of rows) {
    it(row.name, () => {
      const result = revert(row)
      assert.equal(result.kind, row.kind ?? 'commit', JSON.stringify(result))
      if (result.kind === 'commit') assert.equal(result.text, row.text)
      else if (row.because) assert.match(result.because, row.because)
    })
  }
})

const word = fc.constantFrom(
  'a',
  'b',
  'yes',
  '0644',
  '1.5',
  'x: y',
  '#c',
  '',
  'two words',
  'ä',
  "it's",
  'l1\nl2',
)
const scalar = fc.oneof(word, fc.integer({ min: 0, max: 9 }), fc.boolean())
const record = <T>(value: fc.Arbitrary<T>) =>
  fc.dictionary(fc.constantFrom('p', 'q', 'r', 's'), value, { maxKeys: 3 })
const item = fc.record(
  {
    name: fc.constantFrom('one', 'two', 'three', 'four'),
    value: fc.option(scalar, { nil: undefined }),
    nested: fc.option(record(scalar), { nil: undefined }),
  },
  { noNullPrototype: true },
)
const named = fc.uniqueArray(item, { maxLength: 4, selector: (one) => one.name })
const release = fc.record(
  {
    metadata: fc.record({ labels: record(scalar) }, { noNullPrototype: true }),
    spec: fc.record(
      {
        containers: named,
        args: fc.array(scalar, { maxLength: 3 }),
        deep: record(record(scalar)),
        text: scalar,
      },
      { noNullPrototype: true, requiredKeys: ['containers'] },
    ),
  },
  { noNullPrototype: true },
)
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

const write = (template: unknown, flow: boolean, replicas: number) => {
  const body = {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Rollout',
    metadata: { name: 'checkout' },
  }
  const text = stringify(
    { ...body, spec: { replicas, template: plain(template), canary: { steps: [] } } },
    { version: '1.1', lineWidth: 0, ...(flow ? { collectionStyle: 'flow' } : {}) } as object,
  )
  return flow ? text : text.replaceAll(/^( *)([a-z]+:)$/gm, '$1# above $2\n$1$2 # beside')
}

describe('for random releases', () => {
  it('the good revision comes back when the tip still has the bad one', () => {
    let committed = 0
    fc.assert(
      fc.property(release, release, fc.boolean(), fc.boolean(), (one, two, flow, crlf) => {
        const goodText = write(one, flow, 1)
        const tip = `${neighbour}---\n${write(two, flow, 5)}`.replaceAll('\n', crlf ? '\r\n' : '\n')
        const result = revert({ good: goodText, bad: write(two, flow, 1), tip })
        if (result.kind !== 'commit') {
          assert.equal(
            result.kind,
            same(one, two) ? 'nothing' : 'needs-human',
            JSON.stringify(result),
          )
          return
        }
        committed += 1
        assert.equal(revisionOf(template(result.text)), revisionOf(template(goodText)))
        const [before, after] = [tip, result.text].map((text) => text.split(/template/)[0])
        assert.equal(after, before)
        assert.equal(result.text.split(/canary/)[1], tip.split(/canary/)[1])
      }),
      { numRuns: 150, seed: 7 },
    )
    assert.ok(committed > 140, `${committed} of 150 could be edited in place`)
  })

  it('what a person changed since, outside the bad change, survives', () => {
    fc.assert(
      fc.property(release, release, release, (one, two, human) => {
        const tipTemplate = { ...human, spec: { ...human.spec, text: 'bad' } }
        const goodText = write({ ...one, spec: { ...one.spec, text: 'good' } }, false, 1)
        const badText = write({ ...one, spec: { ...one.spec, text: 'bad' } }, false, 2)
        const tip =
          write(tipTemplate, false, 3) +
          write(two, false, 4).replace('checkout', 'x').replace(/^/, '---\n')
        const result = revert({ good: goodText, bad: badText, tip })
        assert.equal(result.kind, 'commit')
        const line = (text: string, word: string) => text.replace(`text: ${word}`, 'text: ?')
        if (result.kind === 'commit') assert.equal(line(result.text, 'good'), line(tip, 'bad'))
      }),
      { numRuns: 60, seed: 7 },
    )
  })
})

const same = (a: unknown, b: unknown) => revisionOf(plain(a)) === revisionOf(plain(b))
