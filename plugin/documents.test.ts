// Every line with `kubectl sluice` in fenced blocks of the documents in; each must be a command with flags there are.
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { commands } from './command-table.ts'
import { parseFlags } from './flags.ts'

const root = join(import.meta.dirname, '..')
const pages = globSync('{*.md,docs/**/*.md,*/README.md}', { cwd: root, exclude: ['node_modules'] })

test('what the documents say to type can be typed', () => {
  const lines = pages.flatMap((page) => commandsOf(readFileSync(join(root, page), 'utf8'), page))
  assert.ok(lines.length > 40, `${lines.length} lines`)
  for (const { place, words } of lines) {
    const [name = '', ...rest] = words
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined
    assert.ok(command, `${place}: there is no command ${name}`)
    assert.doesNotThrow(
      () => parseFlags(command.flags, command.isRaw ? ['--', ...rest] : rest),
      place,
    )
  }
})

test('every command is told of in a guide', () => {
  const told = new Set(
    pages
      .filter((page) => page.startsWith('docs/guides/') || page.startsWith('docs/reference/ticks'))
      .flatMap((page) => commandsOf(readFileSync(join(root, page), 'utf8'), page))
      .map(({ words }) => words[0]),
  )
  const silent = Object.entries(commands).filter(
    ([name, { isHidden }]) => !isHidden && !told.has(name) && name !== 'version',
  )
  assert.deepEqual(
    silent.map(([name]) => name),
    [],
  )
})

function commandsOf(text: string, page: string): { place: string; words: string[] }[] {
  return [...text.matchAll(/^ *```(?:sh|console|yaml)\n([\s\S]*?)^ *```/gm)].flatMap((block) => {
    const first = text.slice(0, block.index).split('\n').length + 1
    return (block[1] ?? '').split('\n').flatMap((line, i) => {
      const [, rest] = /^(?:.*[^\w`]|)kubectl sluice +([a-z].*)$/.exec(line) ?? []
      const isTyped =
        rest !== undefined && !/^[\s│├└]*[│├└]/.test(line) && !line.includes('cleared by')
      return isTyped
        ? [{ place: `${page}:${first + i}: ${line.trim()}`, words: wordsOf(rest) }]
        : []
    })
  })
}

/** As a shell would have them, up to a comment, a pipe or another file. */
function wordsOf(line: string): string[] {
  const words =
    line.match(/'[^']*'|"[^"]*"|\$\([^)]*\)|(?:[^\s'"$]|\$(?!\()|'[^']*'|"[^"]*")+/g) ?? []
  const end = words.findIndex((word) => /^(#|\||>|&&|;)/.test(word))
  return (end < 0 ? words : words.slice(0, end)).map((word) => word.replaceAll(/['"]/g, ''))
}
