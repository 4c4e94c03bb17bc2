// Many reverts at once: few are believed, a flood is not, and calm returns by itself.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createBreaker } from './breaker.ts'

const keys = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `key-${from + i}`)

describe('a breaker', () => {
  it('admits up to its limit, and one revert as often as it is tried', () => {
    const breaker = createBreaker({ limit: 3, windowMs: 1_000 })
    assert.ok(breaker.admits(keys(3), 0))
    assert.ok(breaker.admits(keys(3), 10))
    assert.ok(!breaker.admits(keys(1, 3), 20))
  })

  it('refuses a flood as a whole, until it is over', () => {
    const breaker = createBreaker({ limit: 3, windowMs: 1_000 })
    assert.ok(!breaker.admits(keys(40), 0))
    assert.ok(!breaker.admits(keys(1), 999))
    assert.ok(breaker.admits(keys(1), 1_000))
  })
})
