// The main job with everything real but the cluster: the story of the demo, at a quicker pace.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { promisify } from 'node:util'
import type { Screen } from '../lab/demo/screen.ts'
import { setStage } from '../lab/demo/stage.ts'
import { tellStory } from '../lab/demo/story.ts'

const timing = { hold: '1s', settle: '300ms', drain: '500ms', minRequests: 10 }
const limitMs = 50_000

it('a good release is promoted, a bad one is reverted in Git, and no caller notices the good one', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-main-job-'))
  const lines: string[] = []
  const screen: Screen = {
    title: (text) => void lines.push(text),
    say: (text) => void lines.push(text),
    decision: (name, phase, because) => void lines.push(`${name} ${phase}: ${because}`),
    traffic: () => undefined,
    text: (text) => void lines.push(text),
  }
  const stop = new AbortController()
  try {
    await using stage = await setStage({
      directory,
      screen,
      limitMs,
      stop: stop.signal,
      prometheus: 'embedded',
    })
    const story = { ...stage, screen, timing, approve: false, askForApproval: () => undefined }
    const { report, proof } = await tellStory(story).catch(async (error) => {
      throw new Error(`${lines.join('\n')}\n${await stage.controller.tail()}`, { cause: error })
    })
    const { good, bad } = report
    assert.deepEqual(
      { outcome: good.outcome, failedRequests: good.failedRequests },
      { outcome: 'promoted', failedRequests: 0 },
      lines.join('\n'),
    )
    assert.ok(good.requests > 500, `${good.requests} requests are not a load`)
    assert.equal(bad.outcome, 'reverted')
    assert.ok(bad.badResponses > 0, 'the bad release did serve errors')
    assert.ok(report.neighbourCommitSurvived)
    assert.deepEqual(proof, { revertCommits: 1, servedByRemovedPods: 0, restarts: 0 })
    const parent = await gitOf(report.repository, 'log', '-1', '--format=%P', bad.revertCommit)
    assert.match(parent, /^[0-9a-f]{40}$/, 'the revert is a plain commit on the branch')
    assert.equal(
      await gitOf(report.repository, 'log', '-1', '--format=%ae', bad.revertCommit),
      'sluice@sluice.dev',
    )
  } finally {
    stop.abort()
    await rm(directory, { recursive: true, force: true })
  }
})

async function gitOf(repository: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('git', ['-C', repository, ...args])
  return stdout.trim()
}
