import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authorLimit, authorOf } from './author.ts'

const rows: [string, string | undefined, string | undefined][] = [
  ['a name stays', 'Ann Müller 李', 'Ann Müller 李'],
  ['control characters go', 'Ann\u001b[31m\u0007', 'Ann[31m'],
  ['characters that turn text around go', 'Ann \u202Etxt.exe', 'Ann txt.exe'],
  ['lines become one', ' Ann\nBob\t ', 'Ann Bob'],
  ['a long name is cut', 'a'.repeat(4_000), 'a'.repeat(authorLimit)],
  ['a name is cut between characters', `${'a'.repeat(99)}😀`, 'a'.repeat(99)],
  ['half a character goes', 'Ann\uD83D', 'Ann'],
  ['nothing is nobody', '\u0000 ', undefined],
  ['no name is nobody', undefined, undefined],
]
for (const [name, given, author] of rows) {
  test(`of the author of a commit: ${name}`, () => {
    assert.equal(authorOf(given), author)
  })
}
