import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseFieldSelector, parseLabelSelector } from './selectors.ts'

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'web',
    namespace: 'shop',
    labels: { app: 'web', tier: 'gold', 'x.dev/n': '5' },
  },
  status: { phase: 'Running' },
}

const labels: readonly [selector: string, selects: boolean][] = [
  ['', true],
  ['app=web', true],
  ['app==web,tier=gold', true],
  ['app!=web', false],
  ['missing!=web', true],
  ['app in (web, api)', true],
  ['app in (api),tier=gold', false],
  ['app notin (api,db)', true],
  ['missing notin (a)', true],
  ['tier', true],
  ['!tier', false],
  ['!missing', true],
  ['x.dev/n>4', true],
  ['x.dev/n<4', false],
]

for (const [selector, selects] of labels) {
  test(`label selector "${selector}" ${selects ? 'selects' : 'leaves out'} the pod`, () => {
    assert.equal(parseLabelSelector(selector)(pod), selects)
  })
}

const fields: readonly [selector: string, selects: boolean][] = [
  ['metadata.name=web', true],
  ['metadata.name!=web', false],
  ['metadata.namespace==shop,status.phase=Running', true],
  ['status.phase=Pending', false],
]

for (const [selector, selects] of fields) {
  test(`field selector "${selector}" ${selects ? 'selects' : 'leaves out'} the pod`, () => {
    assert.equal(parseFieldSelector(selector, ['status.phase'])(pod), selects)
  })
}

test('selectors that can not be served are refused', () => {
  assert.throws(() => parseFieldSelector('spec.color=red', []), /field label not supported/)
  assert.throws(() => parseLabelSelector('a b c'), /unable to parse requirement/)
})
