// A ConfigMap beside others in one file: rows of (good, bad, tip) and the whole text expected.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { configTarget, findConfig, keyOf } from './config-documents.ts'
import { revertFile } from './document-revert.ts'

const rollout = { namespace: 'shop', name: 'checkout' }
const ref = { kind: 'ConfigMap', name: 'env' } as const
const neighbour = 'kind: ConfigMap\nmetadata: {name: other}   # not ours\ndata: {RATE: "1"}\n---\n'
const env = (content: string) =>
  `${neighbour}# of the shop\nkind: ConfigMap\nmetadata:\n  name: env # ours\n${content}`
const plain = 'data:\n  RATE: "10" # a second\n  MODE: on\n'

interface Row {
  readonly name: string
  readonly good: string
  readonly bad: string
  readonly tip?: string
  readonly text?: string
  readonly kind?: string
  readonly because?: RegExp
}

const rows: Row[] = [
  {
    name: 'a text of several lines comes back with its own indentation',
    good: env('data:\n  a.yaml: |-\n    x: 1\n\n    y: 2\n  z: last\n'),
    bad: env('data:\n  a.yaml: |-\n    x: 1\n\n    y: 3\n    w: 4\n  z: last\n'),
  },
  {
    name: 'a mark that the bad release set goes',
    good: env(plain),
    bad: env(`${plain}immutable: true\n`),
  },
  {
    name: 'data that became binary data comes back',
    good: env(plain),
    bad: env('binaryData:\n  RATE: AAEC\n'),
    tip: env('binaryData:\n  RATE: AAEC\n').replace('# of the shop', '# of all shops'),
    text: env(plain).replace('# of the shop', '# of all shops'),
  },
  {
    name: 'data in braces stays in braces',
    good: env('data: { RATE: "10" }\n'),
    bad: env('data: { RATE: "99", NEW: a }\n'),
    tip: env('data: { RATE: "99", NEW: a }\nextra: 1\n'),
    text: env('data: { RATE: "10" }\nextra: 1\n'),
  },
  {
    name: 'line ends of Windows stay',
    good: env(plain),
    bad: env(plain.replace('10', '99')),
    tip: env(plain.replace('10', '99')).replaceAll('\n', '\r\n'),
    text: env(plain).replaceAll('\n', '\r\n'),
  },
  {
    name: 'a file of JSON stays one',
    good: '{"kind":"ConfigMap","metadata":{"name":"env"},"data":{"RATE":"10"}}\n',
    bad: '{"kind":"ConfigMap","metadata":{"name":"env"},"data":{"RATE":"99"}}\n',
    tip: '{"kind":"ConfigMap","metadata":{"name":"env","labels":{"a":"b"}},"data":{"RATE":"99"}}\n',
    text: '{"kind":"ConfigMap","metadata":{"name":"env","labels":{"a":"b"}},"data":{"RATE":"10"}}\n',
  },
  {
    name: 'a field that would have to appear in braces around others needs a person',
    good: '{"kind":"ConfigMap","metadata":{"name":"env"},"data":{"RATE":"10"}}\n',
    bad: '{"kind":"ConfigMap","metadata":{"name":"env"},"binaryData":{"RATE":"AA=="}}\n',
    tip: '{"kind":"ConfigMap","metadata":{"name":"env","a":1},"binaryData":{"RATE":"AA=="}}\n',
    kind: 'needs-human',
    because: /in braces.*by hand/,
  },
  {
    name: 'values behind anchors need a person',
    good: env(plain),
    bad: env(plain.replace('"10"', '"99"')),
    tip: env(plain.replace('"10"', '&rate "99"').replace('on\n', '*rate\n')),
    kind: 'needs-human',
    because: /anchors/,
  },
  {
    name: 'a value that others follow by an alias needs a person',
    good: env(plain),
    bad: env(plain.replace('"10"', '"99"')),
    tip: `${env(plain.replace('"10"', '&rate "99"')).replace('# ours\n', '# ours\nx: 1\n')}y: *rate\n`,
    kind: 'needs-human',
    because: /anchors/,
  },
]

describe('documents of a release', () => {
  for (const row of rows) {
    it(row.name, () => {
      const { good, bad, tip = bad } = row
      const [was, wanted] = [bad, good].map((text) =>
        findConfig([{ path: 'env.yaml', text }], { rollout, refs: [ref] }).documents.get(
          keyOf(ref),
        ),
      )
      assert.ok(was && wanted)
      const result = revertFile({
        tip: { path: 'env.yaml', text: tip },
        targets: [configTarget('shop', was, wanted)],
        badText: tip === bad ? undefined : bad,
        goodText: good,
      })
      assert.equal(result.kind, row.kind ?? 'commit', JSON.stringify(result))
      if (result.kind === 'commit') assert.equal(result.text, row.text ?? good)
      else if (row.because) assert.match(result.because, row.because)
    })
  }
})
