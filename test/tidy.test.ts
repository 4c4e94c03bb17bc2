// Rules of CONTRIBUTING.md that a machine can check. Each failure names the remedy.
import assert from 'node:assert/strict'
import { glob, readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'

const folders = '{crds,git,analysis,traffic,kube,controller,plugin,lab,scripts}'
const root = new URL('..', import.meta.url)

async function sources(pattern: string): Promise<{ path: string; text: string }[]> {
  const found = await Array.fromAsync(glob(pattern, { cwd: root }))
  return Promise.all(
    found.sort().map(async (path) => ({ path, text: await readFile(new URL(path, root), 'utf8') })),
  )
}

const isTest = (path: string) => /\.(test|fixture)\.ts$/.test(path)

describe('the sources', async () => {
  const all = await sources(`${folders}/**/*.ts`)
  const production = all.filter(({ path }) => !isTest(path))

  const rows: { rule: string; remedy: string; breaks: (path: string, text: string) => boolean }[] =
    [
      {
        rule: 'have at most 300 lines a file',
        remedy: 'split it by concept',
        breaks: (_, text) => text.trimEnd().split('\n').length > 300,
      },
      {
        rule: 'open with what flows in and out',
        remedy: 'begin the file with a comment of one to three lines',
        breaks: (_, text) => !/^(#!.*\n)?\/\//.test(text),
      },
      {
        rule: 'are named by concept',
        remedy: 'name the file after what it is about',
        breaks: (path) => /(^|\/)(utils?|helpers?|common|types|misc|index)\.ts$/.test(path),
      },
      {
        rule: 'keep clock and timers out of the core',
        remedy: 'take the time from the snapshot and give a wake-up time',
        breaks: (path, text) =>
          path.startsWith('controller/rollout/') &&
          /\bDate\.now\b|new Date\(\)|Math\.random|setTimeout|\basync\b/.test(text),
      },
      {
        rule: 'read no environment but at the edge',
        remedy: 'read it in main.ts and pass it on',
        breaks: (path, text) =>
          /^(crds|git|analysis|traffic|kube|controller)\//.test(path) &&
          !/^(controller\/main|crds\/generate)\.ts$/.test(path) &&
          /process\.env/.test(text),
      },
      {
        rule: 'leave nothing for later',
        remedy: 'do it, or open an issue and delete the comment',
        breaks: (_, text) => /\b(TODO|FIXME|XXX)\b/.test(text),
      },
    ]
  for (const { rule, remedy, breaks } of rows) {
    it(rule, () => {
      const broken = production.filter(({ path, text }) => breaks(path, text)).map((f) => f.path)
      assert.deepEqual(broken, [], `${rule}; remedy: ${remedy}`)
    })
  }

  it('have at most 70 lines a function', () => {
    const long = production.flatMap(({ path, text }) =>
      functionsOf(text)
        .filter(({ lines }) => lines > 70)
        .map(({ name, lines }) => `${path}: ${name} has ${lines}`),
    )
    assert.deepEqual(long, [], 'remedy: give a part of it a name of its own')
  })
})

/** Top-level functions of a formatted file: from their first line to the brace in the first column. */
function functionsOf(text: string): { name: string; lines: number }[] {
  const lines = text.split('\n')
  return lines.flatMap((line, start) => {
    const name = /^(?:export )?(?:async )?function\*? (\w+)/.exec(line)?.[1]
    if (!name) return []
    const length = lines.slice(start).findIndex((other) => other.startsWith('}')) + 1
    return [{ name, lines: length }]
  })
}

describe('every folder', () => {
  for (const folder of [
    'crds',
    'git',
    'analysis',
    'traffic',
    'kube',
    'controller',
    'plugin',
    'lab',
  ]) {
    it(`${folder} says what flows in and out, in a README`, async () => {
      const text = await readFile(new URL(`${folder}/README.md`, root), 'utf8')
      assert.ok(
        text.trimEnd().split('\n').length <= 60,
        'remedy: a README of a folder is one screen',
      )
    })
  }
})
