import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crashRun } from './crash-run.ts'
import { storied, stories } from './stories.ts'

const numberOf = (name: string) => stories.findIndex((story) => story.name === name)

describe('a controller that ends between two writes', () => {
  const rows = [
    { story: 'promote', points: ['9b'] },
    { story: 'promote', points: ['12a', '13b'] },
    { story: 'abort', points: ['14a'] },
    { story: 'supersede', points: ['15b', '16a'] },
    { story: 'fix-forward', points: ['16a'] },
  ]
  for (const { story, points } of rows) {
    it(`leads ${story} to the same end after crashes at ${points.join(' and ')}`, async () => {
      const number = numberOf(story)
      const whole = await crashRun({ number, points: [] })
      const cut = await crashRun({ number, points })
      assert.equal(whole.violation, null)
      assert.equal(cut.violation, null)
      assert.equal(cut.end, whole.end)
    })
  }

  it('sends the same writes again, and no more than it has to', async () => {
    const whole = await crashRun({ number: 0, points: [] })
    const cut = await crashRun({ number: 0, points: ['9b'] })
    assert.ok(cut.writes - whole.writes <= 2, `${cut.writes} instead of ${whole.writes} writes`)
  })

  it('meets every story from Git and by hand', () => {
    for (const index of stories.keys()) {
      const ways = [index, index + stories.length].map((number) => storied(number).scenario.isGit)
      assert.deepEqual(new Set(ways), new Set([true, false]))
    }
  })
})
