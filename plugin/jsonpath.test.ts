import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseJsonPath } from './jsonpath.ts'

const object = {
  metadata: { name: 'checkout', labels: { 'app.example.com/name': 'web' } },
  status: {
    weight: 5,
    conditions: [
      { type: 'Ready', status: 'False', reason: 'Holding' },
      { type: 'Stalled', status: 'True', reason: 'a}b' },
    ],
  },
}

const rows: readonly [string, string][] = [
  ['{.metadata.name}', 'checkout'],
  ['{$.metadata.name}', 'checkout'],
  ['{metadata.name}', 'checkout'],
  ['name={.metadata.name}{"\\n"}', 'name=checkout\n'],
  ['{.metadata.labels.app\\.example\\.com/name}', 'web'],
  ["{.metadata.labels['app.example.com/name']}", 'web'],
  ['{.status.conditions[0].type}', 'Ready'],
  ['{.status.conditions[-1].type}', 'Stalled'],
  ['{.status.conditions[7].type}', ''],
  ['{.status.conditions[*].type}', 'Ready Stalled'],
  ['{.status.conditions[?(@.type=="Ready")].status}', 'False'],
  ["{.status.conditions[?(@.reason == 'a}b')].type}", 'Stalled'],
  ['{.status.conditions[?(@.missing)].type}', ''],
  ['{range .status.conditions[*]}{.type}={.status};{end}', 'Ready=False;Stalled=True;'],
  ['{.metadata.labels.*}', 'web'],
  ['{.status.weight}', '5'],
  ['{.status.nothing.at.all}', ''],
  ['{.metadata.labels}', '{"app.example.com/name":"web"}'],
  ['{.constructor}', ''],
  ['{.status.conditions[0:1].type}', 'Ready'],
  ['{.status.conditions[1:].type}', 'Stalled'],
  ['{.status.conditions[-1:].type}', 'Stalled'],
  ['{.status.conditions[0:2:2].type}', 'Ready'],
  ['{.status.conditions[0,1].type}', 'Ready Stalled'],
  ["{.metadata['name', 'nothing']}", 'checkout'],
  ["{['metadata.name', 'status.weight']}", 'checkout 5'],
  ["{.status.conditions[*]['type', 'status']}", 'Ready Stalled False True'],
  ['{..type}', 'Ready Stalled'],
  ['{..conditions[0].reason}', 'Holding'],
  ["{..['weight']}", '5'],
]
for (const [template, text] of rows) {
  test(`${template} gives ${JSON.stringify(text)}`, () => {
    assert.equal(parseJsonPath(template)(object), text)
  })
}

const refusals: readonly [string, RegExp][] = [
  ['{...name}', /is not understood at/],
  ['{.status.conditions[0:1:2:3]}', /is not understood at/],
  ['{.status.conditions[a,b]}', /is not understood at/],
  ['{.status.conditions[0:2:0]}', /is not understood at/],
  ['{.status.conditions[,]}', /is not understood at/],
  ['{.status.conditions[?(@.a==b)]}', /compares with something that is no text/],
  ['{.metadata.name', /has a "\{" without its "\}"/],
  ['{range .items[*]}', /has \{range …\} without \{end\}/],
  ['{end}', /has \{end\} without/],
]
for (const [template, message] of refusals) {
  test(`${template} is refused by name`, () => {
    assert.throws(() => parseJsonPath(template), message)
  })
}
