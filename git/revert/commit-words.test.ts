import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createRepository } from '../repository/repository.fixture.ts'
import { readCommitWords } from './commit-words.ts'

it('commits say who wrote them, and which releases they allow another try', async () => {
  const repository = await createRepository()
  try {
    const first = await repository.commit({ a: '1' }, { message: 'one\n\nnot: a trailer of ours' })
    const message = 'two\n\nSluice-Retry: shop/checkout\nSluice-Retry: shop/cart'
    const second = await repository.commit({ a: '2' }, { message })
    const absent = 'f'.repeat(40)
    assert.deepEqual(
      await readCommitWords(repository, [second, first, first, absent, '--all']),
      new Map([
        [second, { author: 'Ada', retries: new Set(['shop/checkout', 'shop/cart']) }],
        [first, { author: 'Ada', retries: new Set() }],
      ]),
    )
  } finally {
    repository.remove()
  }
})
