// The boundary to git: hostile values, deadlines, limits.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { GitError, git, redact } from './command.ts'
import { isBranchName, isUrl, pathProblem } from './names.ts'

describe('a git command', () => {
  let home = ''
  before(() => {
    home = mkdtempSync(join(tmpdir(), 'sluice-command-'))
  })
  after(() => rmSync(home, { recursive: true, force: true }))

  const rows: {
    name: string
    args: string[]
    more?: object
    error: RegExp
    reason: GitError['reason']
  }[] = [
    {
      name: 'that fails says so without credentials',
      args: ['ls-remote', '--end-of-options', 'file://user:hunter2@/none'],
      error: /^git ls-remote: (?!.*hunter2)/,
      reason: 'exit',
    },
    {
      name: 'that hangs is ended',
      args: ['-c', 'alias.hang=!sleep 30', 'hang'],
      more: { deadlineMs: 50 },
      error: /longer than its deadline/,
      reason: 'deadline',
    },
    {
      name: 'that says too much is ended',
      args: ['help', '-a'],
      more: { maxOutputBytes: 10 },
      error: /more than its limit/,
      reason: 'output-limit',
    },
    {
      name: 'with another transport is refused',
      args: ['ls-remote', '--end-of-options', 'ext::sh -c id'],
      error: /transport 'ext' not allowed/,
      reason: 'exit',
    },
    {
      name: 'with plain http is refused',
      args: ['ls-remote', '--end-of-options', 'http://127.0.0.1:1/'],
      error: /transport 'http' not allowed/,
      reason: 'exit',
    },
    {
      name: 'takes an option behind the end of options as a value',
      args: ['ls-remote', '--end-of-options', '--upload-pack=id'],
      error: /strange pathname '--upload-pack=id' blocked/,
      reason: 'exit',
    },
  ]
  for (const { name, args, more, error, reason } of rows) {
    it(name, async () => {
      const thrown = await git(args, { home, ...more }).catch((caught: unknown) => caught)
      assert.ok(thrown instanceof GitError)
      assert.match(thrown.message, error)
      assert.equal(thrown.reason, reason)
    })
  }

  it('knows no configuration but its own', async () => {
    const output = await git(['config', '--list', '--show-scope'], { home })
    const scopes = new Set(
      output
        .toString()
        .trim()
        .split('\n')
        .map((line) => line.split('\t')[0]),
    )
    assert.deepEqual([...scopes], ['command'])
  })

  it('redacts every URL in its words', () => {
    const text = 'fatal: https://bot:s3cret@git.example/x and ssh://key@host/y failed'
    assert.equal(redact(text), 'fatal: https://***@git.example/x and ssh://***@host/y failed')
  })
})

describe('names from outside', () => {
  const branches = {
    main: true,
    'release/1.x': true,
    ä: true,
    '-x': false,
    'a..b': false,
    'a b': false,
    'a.lock/b': false,
    '/a': false,
    'a/': false,
    'a@{1}': false,
    '@': false,
    'a\n': false,
    '.a': false,
    'a/.b': false,
    'a\\b': false,
    'a^': false,
    '': false,
  }
  for (const [name, expected] of Object.entries(branches)) {
    it(`${JSON.stringify(name)} is ${expected ? 'a' : 'no'} branch name`, () => {
      assert.equal(isBranchName(name), expected)
    })
  }
  const paths = {
    'a/b.yaml': true,
    'ä.yaml': true,
    '.github/x.yaml': true,
    '../a': false,
    'a/../b': false,
    '/a': false,
    'a//b': false,
    'a\\b': false,
    'a\0b': false,
    '.git/config': false,
    '.GIT/x': false,
    '.g\u200cit/x': false,
    'git~1/x': false,
    '.git /x': false,
    '.git::$INDEX/x': false,
    '': false,
  }
  for (const [path, expected] of Object.entries(paths)) {
    it(`${JSON.stringify(path)} is ${expected ? 'read' : 'refused'}`, () => {
      assert.equal(pathProblem(path) === null, expected)
    })
  }
  it('no string that git could take for an option or a helper is a URL or a branch', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const value of [`-${text}`, `ext::${text}`, `${text}\n`]) {
          assert.ok(!isUrl(value) && (!isBranchName(value) || value.startsWith('ext')))
        }
      }),
    )
  })
})
