import assert from 'node:assert/strict'
import { glob, readFile, writeFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { parseScenario } from './language.ts'
import { playScenario } from './stage.ts'

const folder = new URL('./', import.meta.url)
const isRewriting = process.env['UPDATE_TRANSCRIPTS'] === '1'

describe('a scenario', async () => {
  const names = (await Array.fromAsync(glob('*.scenario', { cwd: folder }))).sort()

  it('exists for what matters: at least thirty', () => {
    assert.ok(names.length >= 30, `${names.length} scenarios`)
  })

  for (const name of names) {
    it(`(${name}) goes as its transcript says; else run with UPDATE_TRANSCRIPTS=1 and read the diff`, async () => {
      const script = parseScenario(await readFile(new URL(name, folder), 'utf8'))
      const { transcript, complaints } = await playScenario(script)
      const golden = new URL(name.replace('.scenario', '.transcript'), folder)
      if (isRewriting) await writeFile(golden, transcript)
      assert.deepEqual(complaints, [])
      assert.equal(transcript, await readFile(golden, 'utf8'))
    })
  }
})

describe('the language of scenarios', () => {
  const rows = [
    ['nothing happens', 'line 1: begin with "# "'],
    ['# a title\nsteps 20 %', 'say when it ends'],
    ['# a title\nat 1m\nend 2m', 'line 2: "at 1m" is no sentence'],
    ['# a title\nsteps twenty\nend 2m', '"twenty" is no step'],
  ] as const
  for (const [text, says] of rows) {
    it(`refuses ${JSON.stringify(text)} and says why`, () => {
      assert.throws(
        () => parseScenario(text),
        (error: Error) => error.message.includes(says),
      )
    })
  }
})
