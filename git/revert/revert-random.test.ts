// Random releases, spelled at random, and random changes of people: the good release comes back and theirs stay.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { revisionOf } from '../../crds/revision.ts'
import { parseYamlFile } from '../yaml/yaml-file.ts'
import { findRollout, revertRelease, templateOf } from './revert.ts'

const rollout = { namespace: 'shop', name: 'checkout' }

const neighbour = `---
apiVersion: v1
kind: ConfigMap
metadata: {name: other}   # not ours
data: {a: "1"}
`

const template = (text: string) => {
  const document = findRollout(parseYamlFile('', text).documents, rollout)
  assert.ok(document)
  return templateOf(document)
}

const revert = (texts: { good: string; bad: string; tip: string }) =>
  revertRelease({
    rollout,
    tip: { path: 'shop/checkout.yaml', text: texts.tip },
    bad: { template: template(texts.bad), text: texts.bad },
    good: { template: template(texts.good), text: texts.good },
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
