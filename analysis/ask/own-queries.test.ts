// Queries of many rollouts through one question: rows find their way back, and nobody answers for another.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isSelfContained } from '../promql-text.ts'
import { ProviderError, type Sample } from '../provider.ts'
import { createInquiry } from './inquiry.ts'
import { createLimiter } from './limiter.ts'
import { readOwn } from './own-queries.ts'

/** Answers `v(N)` with N, `none` with nothing, `two` with two series; `scalar` can not be labelled. */
function startProvider() {
  const asked: string[] = []
  const numbersOf = (query: string): readonly number[] => {
    if (query === 'none') return []
    if (query === 'two') return [1, 2]
    return [Number(/v\((\d+)\)/.exec(query)?.[1] ?? 7)]
  }
  const provider = {
    async query(query: string, atMs: number): Promise<readonly Sample[]> {
      asked.push(query)
      if (query.includes('broken')) throw new ProviderError('parse error', { isAboutQuery: true })
      const marked = [...query.matchAll(/label_replace\(\n([^\n]*)\n, "sluice_question", "(\d+)"/g)]
      if (marked.length > 0 && query.includes('scalar')) {
        throw new ProviderError('expected a vector', { isAboutQuery: true })
      }
      if (marked.length === 0) return numbersOf(query).map((value) => ({ labels: {}, value, atMs }))
      return marked.flatMap(([, own = '', i = '']) =>
        numbersOf(own).map((value) => ({ labels: { sluice_question: i }, value, atMs })),
      )
    },
  }
  const inquiry = createInquiry({ provider, limit: createLimiter(4), atMs: 0 })
  const apart = new Set<string>()
  const ask = async (...queries: readonly string[]) => {
    const questions = queries.map((query) => ({ query, atMs: 0, check: 'own' }))
    const found = await readOwn(questions, { inquiry, apart })
    return questions.map((one) => {
      const reading = found.get(one)
      return reading?.kind === 'value' ? reading.value : reading?.kind
    })
  }
  return { ask, asked, apart }
}

describe('queries of users', () => {
  test('of one check are asked together, and each gets its own rows', async () => {
    const { ask, asked } = startProvider()
    const queries = Array.from({ length: 250 }, (_, i) => `v(${i})`)
    assert.deepEqual(
      await ask(...queries),
      queries.map((_, i) => i),
    )
    assert.equal(asked.length, 3)
    assert.deepEqual(await ask('none', 'v(3)', 'two'), ['inconclusive', 3, 'error'])
  })

  test('are asked one by one when one of them is broken, which harms no other', async () => {
    const { ask, apart } = startProvider()
    assert.deepEqual(await ask('v(1)', 'broken', 'v(2)'), [1, 'error', 2])
    assert.equal(apart.size, 0)
  })

  test('that can not be asked together are not tried together again', async () => {
    const { ask, asked } = startProvider()
    assert.deepEqual(await ask('v(1) + scalar', 'v(2) + scalar'), [1, 2])
    assert.equal(asked.length, 3)
    await ask('v(1) + scalar', 'v(2) + scalar')
    assert.equal(asked.length, 5)
  })

  test('that would reach into those of others are asked alone', async () => {
    const { ask, asked } = startProvider()
    const forged = 'v(9), "sluice_question", "0", "", "") or label_replace(v(9)'
    await ask('v(1)', forged, 'v(2)')
    assert.equal(asked.filter((query) => query.includes('v(9)')).length, 1)
    assert.ok(asked.includes(forged))
  })
})

const rows: readonly [string, boolean][] = [
  ['sum(rate(x{a="b"}[1m])) > 2', true],
  ['x{a=")("} # a comment ) that ends nothing', true],
  ["x{a='\\')'}", true],
  ['x) or (y', false],
  ['x{a="b"', false],
  ['x{a="b}', false],
  ['x{a=`b}', false],
  ['(x]', false],
]
for (const [query, expected] of rows) {
  test(`${query} is ${expected ? '' : 'not '}a query of its own`, () => {
    assert.equal(isSelfContained(query), expected)
  })
}
