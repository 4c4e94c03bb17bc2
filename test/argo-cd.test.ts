// The health script and actions for Argo CD: their test data are Rollouts as Sluice writes them, and what the
// actions write are commands that Sluice takes. The scripts themselves are run by the tests of Argo CD.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { pendingCommands } from '../crds/command.ts'
import { parseRollout } from '../crds/parse.ts'
import { verbs } from '../crds/words.ts'

const root = join(import.meta.dirname, '../docs/argo-cd/sluice.dev/Rollout')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const files = readdirSync(join(root, 'testdata'))

describe('what Argo CD is tested with', () => {
  for (const file of files) {
    it(`${file} is a Rollout`, () => {
      const result = parseRollout(parse(read(`testdata/${file}`)))
      assert.ok(result.ok, JSON.stringify(result))
    })
  }

  it('has an action for each command, whose outcome is that command', () => {
    const { actionTests } = parse(read('actions/action_test.yaml'))
    const outcomes = new Map<string, string>(
      actionTests.map((row: { action: string; expectedOutputPath: string }) => [
        row.action,
        row.expectedOutputPath,
      ]),
    )
    assert.deepEqual([...outcomes.keys()].sort(), [...verbs].sort())
    for (const [verb, path] of outcomes) {
      assert.match(read(`actions/${verb}/action.lua`), new RegExp(`sluice\\.dev/${verb}"`))
      const [command] = pendingCommands(parse(read(path)).metadata.annotations, undefined)
      assert.equal(command?.verb, verb)
    }
  })

  it('is used, all of it', () => {
    const tests = read('health_test.yaml') + read('actions/action_test.yaml')
    assert.deepEqual(
      files.filter((file) => !tests.includes(`testdata/${file}`)),
      [],
    )
  })
})
