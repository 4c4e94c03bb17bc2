// Queries as people write them in YAML; what lint says of them, and where.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { lint } from './lint.ts'

const template = (query: string, args = '') => `apiVersion: sluice.dev/v1alpha1
kind: AnalysisTemplate
metadata: { name: usual }
spec:
${args}  checks:
    - name: own
      prometheus:
        max: 1
        query: ${query}
`

const rows: readonly [string, string, readonly string[]][] = [
  ['a sound query', template(`up{r="{{revision}}"}`), []],
  [
    'a function of older servers',
    template(`'holt_winters(x{r="{{revision}}"}[5m], 0.5, 0.5)'`),
    [],
  ],
  [
    'a missing brace in plain text',
    template('sum(rate(x{r="{{revision}}"[1m]))'),
    ['9:43 the query is no PromQL: "[" can not stand here'],
  ],
  [
    'an error behind quotes and escapes',
    template(`"sum(x{r=\\"{{revision}}\\"}) +* 2"`),
    ['9:45 the query is no PromQL: "*" can not stand here'],
  ],
  [
    'an error in a block, on its line',
    template(`|
          sum by (code) (
            rate(x{r="{{revision}}"}[5 m])
          )`),
    ['11:40 the query is no PromQL: "m" can not stand here'],
  ],
  [
    'an error in folded text',
    template(`>-
          sum(x{r="{{revision}}"})
          / / 2`),
    ['11:13 the query is no PromQL: "/" can not stand here'],
  ],
  [
    'a query that ends too early',
    template('sum(x{r="{{revision}}"}'),
    ['9:38 the query is no PromQL: it ends too early'],
  ],
  [
    'a window and arguments out of quotes',
    template(
      `'rate({{args.metric}}{r="{{revision}}"}[{{window}}] offset {{args.back}}) > {{args.most}}'`,
      `  args: [{ name: metric }, { name: back, type: duration }, { name: most, type: number }]\n`,
    ),
    [],
  ],
  [
    'a placeholder that there is not',
    template('x{r="{{revison}}"}'),
    ['9:21 unknown placeholder {{revison}}; did you mean "revision"?'],
  ],
  [
    'an argument that is not declared',
    template('x{r="{{revision}}"} > {{args.most}}'),
    ['9:38 unknown placeholder {{args.most}}'],
  ],
  [
    'a function that there is not',
    template('sum(rat(x{r="{{revision}}"}[1m]))'),
    ['9:20 the query is no PromQL: it has no function "rat"'],
  ],
  [
    'the canary in a comment only',
    template(`|
          # of {{revision}}
          sum(x)`),
    ['warning 10:11 the query does not ask about the canary: select its revision by {{revision}}'],
  ],
  [
    'ranges that are none, and too many',
    template(`|
          rate(x{r="{{revision}}"}) + sum(y[1m]) + max_over_time(rate(z[1m])[5m:] offset 1m)`),
    [
      'warning 10:11 rate needs a range: write one behind it, such as [1m]',
      'warning 10:43 gives a range where a number is needed: wrap it in rate() or the like',
    ],
  ],
  [
    'a query that is about an argument, and not about the canary',
    template(`x > {{args.most}}`, '  args: [{ name: most, type: number }]\n'),
    ['warning 10:16 the query does not ask about the canary: select its revision by {{revision}}'],
  ],
  [
    'a query that is not about the canary',
    template('sum(x)'),
    ['warning 9:16 the query does not ask about the canary: select its revision by {{revision}}'],
  ],
]

describe('lint of PromQL', () => {
  for (const [what, text, said] of rows) {
    test(`finds ${what}`, () => {
      const { findings } = lint([{ file: 'f.yaml', text }])
      const lines = findings.map(({ line, column, message, remedy, isWarning }) => {
        const rest = remedy === undefined ? '' : `: ${remedy}`
        return `${isWarning ? 'warning ' : ''}${line}:${column} ${message}${rest}`
      })
      assert.deepEqual(lines, said)
    })
  }
})

test('arguments that a Rollout gives must be of their types', () => {
  const text = `${template('x{r="{{revision}}"} > {{args.most}}', '  args: [{ name: most, type: number }]\n')}---
apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template: { spec: { containers: [] } }
  traffic: { istio: { host: web } }
  canary: { steps: [{ weight: 5 }] }
  analysis:
    templateRef: { name: usual, args: { most: many } }
`
  const { findings } = lint([{ file: 'f.yaml', text }])
  assert.deepEqual(
    findings.map(({ line, message }) => `${line} ${message}`),
    ['21 the argument most must be a number'],
  )
})
