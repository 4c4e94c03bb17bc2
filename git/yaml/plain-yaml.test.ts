// The quick reader against the full one: what it reads, both read alike; what it does not, it leaves alone.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { rolloutText } from '../repository/repository.fixture.ts'
import { parsePlainYaml } from './plain-yaml.ts'
import { parseYamlFile } from './yaml-file.ts'

/** Returns whether the text was plain. */
function compare(text: string): boolean {
  const plain = parsePlainYaml(text)
  if (plain === null) return false
  const full = parseYamlFile('', text)
  assert.deepEqual(full.problems, [], text)
  assert.deepEqual(
    plain,
    full.documents.map((document) => {
      assert.deepEqual(document.problems, [], text)
      return { value: document.value, line: document.place([]).line }
    }),
    text,
  )
  return true
}

const word = fc.constantFrom(
  ...['a', 'app:1', 'yes', 'No', '0644', '1.5', '1e3', '0x1f', '1_000', '.inf', '~', 'null', 'NaN'],
  ...['x: y', '#c', '', 'two words', "it's", 'l1\nl2', '-1', '+1', '1:30', '128Mi', '2m', '1.2.3'],
  ...['http://a:80/b', 'true', 'On', '2001-12-14', '-', '?', '&a', '*b', '!c', '=', '<<', '12e03'],
)
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    word,
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('p', 'q.r/s', 'y', 't-u', '1', 'on'), tie('any'), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
  ),
})).any
const document = fc.dictionary(fc.constantFrom('p', 'kind', 'spec'), value, {
  minKeys: 1,
  noNullPrototype: true,
})

describe('the quick reader', () => {
  it('reads a Rollout as people write it', () => {
    assert.ok(compare(rolloutText()))
    assert.ok(compare(`# a comment\n---\n${rolloutText()}---\n\n${rolloutText({ name: 'b' })}`))
  })

  const rows = [
    'a: b\n  c',
    'a:\n- b\n- c: d\n  e: f\ng: h',
    'a:\n  - b\n  -   c: d\n      e: f\n',
    'a: {b: c}',
    'a: { b: c, d: [e, f] } # g',
    'a: [b: c]',
    'a: [b, ]',
    'a: "b" "c"',
    "a: 'b''c'",
    'a: b # c\n',
    'a: b#c',
    'a:\n\n\nb: c',
    'a:\n  # c\n  b: c',
    'a: b\n---\n',
    '---\na: b\n...\n',
    'a: b\na: c',
    'a:\n  b: c\n d: e',
    'a:\n  - b\n c: d',
    'a: |\n  b\n',
    'a: - b',
    'a: { b: c }d',
    'a: {b : c}',
    'a: [a:, b]',
    'a: { b:c: d }',
    'a: [ b c: d ]',
    'a:\n- b\n  c',
    'a: b: c',
    'a: @b',
    'a: %b',
    '- a: b',
    'a:\n  - - b',
    'a:\n  -\n    b: c',
    'a:b: c',
    'a: 1e3\nb: 0o7\nc: 0b1\nd: 1K',
    'a: [1.2.3, 2m, 4Ki, 10, 0.5]',
    'a: "b # c" # d',
    'a: [b #c]',
    'a: { b: c,d: e }',
  ]
  for (const row of rows) {
    it(`agrees with the full one on ${JSON.stringify(row)}`, () => {
      compare(row)
    })
  }

  it('agrees with the full one on whatever a program writes', () => {
    let plain = 0
    fc.assert(
      fc.property(document, fc.boolean(), (one, flow) => {
        const style = flow ? { collectionStyle: 'flow' as const } : {}
        const text = stringify(one, { version: '1.1', lineWidth: 0, ...style })
        plain += compare(text) ? 1 : 0
      }),
      { numRuns: 400, seed: 11 },
    )
    assert.ok(plain > 40, `${plain} of 400 were plain`)
  })

  it('agrees with the full one on texts with a typing error', () => {
    const text = `${rolloutText()}---\n${rolloutText({ name: 'b' })}`
    const piece = fc.constantFrom(
      ...[' ', '  ', '\n', ':', ': ', '- ', '-', '#', ' #', ',', '"', "'", '{', '}', '[', ']'],
      ...[
        '&',
        '*',
        '!',
        '|',
        '>',
        '%',
        '@',
        '~',
        '0',
        'e',
        '\n---\n',
        '\n...\n',
        '\t',
        '?',
        '<<: ',
      ],
    )
    const edit = fc.record({ at: fc.nat(text.length), drop: fc.nat(3), piece })
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 2 }), (edits) => {
        const edited = edits.reduce(
          (before, one) => before.slice(0, one.at) + one.piece + before.slice(one.at + one.drop),
          text,
        )
        compare(edited)
      }),
      { numRuns: 1_500, seed: 11 },
    )
  })
})
