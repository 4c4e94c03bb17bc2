import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPlatform, requireDigest } from './node-release.ts'

test('a package that is not the one that was looked at is refused', () => {
  const digest =
    'z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=='
  requireDigest(Buffer.alloc(0), { name: 'node@1', digest })
  assert.throws(
    () => requireDigest(Buffer.from('x'), { name: 'node@1', digest }),
    /node@1 is not what it was/,
  )
})

test('platforms are named as Node names them', () => {
  assert.deepEqual(['darwin-arm64', 'win32-x64', 'toString', ''].map(isPlatform), [
    true,
    true,
    false,
    false,
  ])
})
