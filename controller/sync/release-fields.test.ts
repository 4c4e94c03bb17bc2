import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { releaseFields } from './release-fields.ts'

const template = (image: string) => ({ spec: { containers: [{ name: 'app', image }] } })

describe('what stands for a release in a file', () => {
  const digest = `sha256:${'a'.repeat(64)}`
  const rows = [
    { image: 'app:1', part: 'tag', value: '1' },
    { image: 'registry:5000/team/app:1.2', part: 'tag', value: '1.2' },
    { image: 'registry:5000/team/app:1.2', part: 'name', value: 'registry:5000/team/app' },
    { image: `registry:5000/app:1@${digest}`, part: 'digest', value: digest },
    { image: `registry:5000/app:1@${digest}`, part: 'tag', value: '1' },
    { image: `registry:5000/app@${digest}`, part: 'name', value: 'registry:5000/app' },
    { image: 'app:1', part: 'image', value: 'app:1' },
    { image: 'registry:5000/app', part: 'tag', value: undefined },
    { image: 'app:1', part: 'digest', value: undefined },
  ] as const
  for (const { image, part, value } of rows) {
    it(`the ${part} of ${image.slice(0, 40)} is ${String(value).slice(0, 20)}`, () => {
      const include = { path: 'v.yaml', fields: [{ field: '/a', container: 'app', part }] }
      const found = releaseFields(include, { bad: template(image), good: template(image) })
      const expected =
        value === undefined
          ? { problem: `the bad release has no container app with a ${part}` }
          : { path: 'v.yaml', values: [{ field: '/a', bad: value, good: value }] }
      assert.deepEqual(found, expected)
    })
  }
})
