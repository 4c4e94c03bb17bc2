// Rows of (good, bad, tip) and the whole text expected.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse, stringify } from 'yaml'
import { parseYamlFile } from '../yaml/yaml-file.ts'
import { findRollout, revertRelease, templateOf } from './revert.ts'

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

/** As SOPS writes it: a seal over all values of the document. */
const sealed = (text: string, mac: string) =>
  `${text}sops:\n  lastmodified: "2026-01-0${mac.length}T00:00:00Z"\n  mac: ENC[AES256_GCM,data:${mac}]\n  version: 3.9.0\n`

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
    name: 'comments above an item come back with it, and those of the bad release go with theirs',
    good: edit(good, [
      '            - name: CACHE',
      '            # off in tests\n            - name: CACHE',
    ]),
    bad: edit(
      good,
      ["            - name: CACHE\n              value: 'on'\n", ''],
      [
        '          args:',
        '            # of the new one\n            - name: NEW\n              value: x\n          args:',
      ],
    ),
    tip: edit(
      good,
      ["            - name: CACHE\n              value: 'on'\n", ''],
      [
        '          args:',
        '            # of the new one\n            - name: NEW\n              value: x\n          args:',
      ],
      ['replicas: 6', 'replicas: 7'],
    ),
    text: edit(
      good,
      ['            - name: CACHE', '            # off in tests\n            - name: CACHE'],
      ['replicas: 6', 'replicas: 7'],
    ),
  },
  {
    name: 'a comment that a person wrote above what goes stays',
    bad: edit(good, ['          resources:\n', '          tty: true\n          resources:\n']),
    tip: edit(good, [
      '          resources:\n',
      '          # asked in June\n          tty: true\n          resources:\n',
    ]),
    text: edit(good, [
      '          resources:\n',
      '          # asked in June\n          resources:\n',
    ]),
  },
  {
    name: 'a file that became JSON since stays JSON',
    tip: `${JSON.stringify(parse(bad), null, 2)}\n`,
    text: `${JSON.stringify(parse(good), null, 2)}\n`,
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
    name: 'a file that is sealed comes back byte by byte',
    tip: sealed(bad, 'two'),
    bad: sealed(bad, 'two'),
    good: sealed(good, 'one'),
    text: sealed(good, 'one'),
  },
  {
    name: 'a sealed file that has changed since needs a person',
    tip: sealed(edit(bad, ['replicas: 6', 'replicas: 4']), 'three'),
    bad: sealed(bad, 'two'),
    good: sealed(good, 'one'),
    kind: 'needs-human',
    because: /encrypted by SOPS.*by hand/,
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
