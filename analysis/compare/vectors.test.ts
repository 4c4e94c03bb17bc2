// The engine against reference values of an independent implementation.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { vectorRows } from './vectors.fixture.ts'

describe('the engine gives the reference values to 1e-9', () => {
  for (const { name, error } of vectorRows()) {
    it(`for ${name}`, () => assert.ok(error <= 1e-9, `off by ${error} nats`))
  }
})
