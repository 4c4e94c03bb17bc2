import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Analysis, AnalysisTemplateSpec } from '../../crds/analysis-template.ts'
import { parseCheck } from '../../crds/parse.ts'
import { type ReadCheck, resolveChecks } from './template.ts'

const query = 'f{code="{{args.code}}",r="{{revision}}"} > {{args.least}}'
const template = AnalysisTemplateSpec.parse({
  args: [{ name: 'code' }, { name: 'least', value: '5' }],
  checks: [
    { name: 'errors', successRate: { min: 99 } },
    { name: 'custom', prometheus: { query, max: 1 } },
  ],
})
const read: ReadCheck = (check) => {
  const result = parseCheck(check)
  if (result.ok) return { check: result.value }
  return {
    because: result.problems.map(({ path, message }) => `${path.join('.')}: ${message}`).join(),
  }
}
const own = { name: 'mine', successRate: { min: 90 } }
const analysis = (args: Record<string, string>, checks: unknown[] = []) =>
  Analysis.parse({ templateRef: { name: 'shared', args }, checks })

describe('the checks of a Rollout', () => {
  test('are those of the template with arguments filled in, then its own', () => {
    assert.deepEqual(resolveChecks(analysis({ code: '5"x' }, [own]), template, read), {
      kind: 'checks',
      checks: [
        { name: 'errors', successRate: { min: 99 } },
        { name: 'custom', prometheus: { query: 'f{code="5\\"x",r="{{revision}}"} > 5', max: 1 } },
        own,
      ],
    })
  })

  test('are its own where it names no template', () => {
    assert.deepEqual(resolveChecks(Analysis.parse({ checks: [own] }), null, read), {
      kind: 'checks',
      checks: [own],
    })
  })

  const adjustable = AnalysisTemplateSpec.parse({
    args: [
      { name: 'floor', type: 'number', sets: [{ check: 'errors', field: 'successRate.min' }] },
      {
        ...{ name: 'slow', type: 'duration', value: '300ms' },
        sets: [{ check: 'latency', field: 'latency.max' }],
      },
      {
        ...{ name: 'patience', type: 'number' },
        sets: ['errors', 'latency'].map((check) => ({ check, field: 'failureLimit' })),
      },
    ],
    checks: [
      { name: 'errors', successRate: { min: 99 }, interval: '1m' },
      { name: 'latency', latency: { quantile: 0.9, max: '1s' }, interval: '1m', failureLimit: 1 },
    ],
  })
  const adjusted = (args: Record<string, string>) => resolveChecks(analysis(args), adjustable, read)

  test('have numbers and times as arguments say, else as they are written', () => {
    const slow = { quantile: 0.9, max: '300ms' }
    assert.deepEqual(adjusted({}), {
      kind: 'checks',
      checks: [
        { name: 'errors', successRate: { min: 99 }, interval: '1m' },
        { name: 'latency', latency: slow, interval: '1m', failureLimit: 1 },
      ],
    })
    assert.deepEqual(adjusted({ floor: '99.95', patience: '3', slow: '1m30s' }), {
      kind: 'checks',
      checks: [
        { name: 'errors', successRate: { min: 99.95 }, interval: '1m', failureLimit: 3 },
        {
          ...{ name: 'latency', latency: { ...slow, max: '1m30s' } },
          interval: '1m',
          failureLimit: 3,
        },
      ],
    })
  })

  for (const [args, because] of [
    [{ floor: '101' }, /^AnalysisTemplate shared: check errors: successRate.min: .*100/],
    [{ patience: '1.5' }, /^AnalysisTemplate shared: check errors: failureLimit: /],
    [{ floor: 'high' }, /^AnalysisTemplate shared: the argument floor must be a number$/],
  ] as const) {
    test(`are a problem where an argument is out of bounds: ${JSON.stringify(args)}`, () => {
      const found = adjusted(args)
      assert.match(found.kind === 'problem' ? found.because : '', because)
    })
  }

  const undeclared = AnalysisTemplateSpec.parse({
    checks: [{ name: 'a', prometheus: { query: '{{args.code}}', max: 1 } }],
  })
  const many = AnalysisTemplateSpec.parse({
    checks: Array.from({ length: 16 }, (_, i) => ({ ...own, name: `c${i}` })),
  })
  for (const [name, one, spec, because] of [
    [
      'a template that does not exist',
      analysis({}),
      null,
      'AnalysisTemplate shared does not exist',
    ],
    [
      'a missing argument',
      analysis({}),
      template,
      'AnalysisTemplate shared needs the argument code',
    ],
    [
      'an unknown argument',
      analysis({ code: '5', cod: '5' }),
      template,
      'AnalysisTemplate shared has no argument cod',
    ],
    [
      'an argument the template forgot to declare',
      analysis({}),
      undeclared,
      'AnalysisTemplate shared: check a: unknown placeholder {{args.code}}',
    ],
    [
      'an argument that would change the query',
      analysis({ code: '5', least: '0 or vector(1)' }),
      template,
      'AnalysisTemplate shared: check custom: the value of {{args.least}} can not stand here: put it in quotes',
    ],
    [
      'a name used twice',
      analysis({ code: '5' }, [{ ...own, name: 'errors' }]),
      template,
      'check errors stands both in the template and in the Rollout: rename one',
    ],
    ['too many', analysis({}, [own]), many, '17 checks with those of the template, at most 16'],
  ] as const) {
    test(`are a problem that says what to change: ${name}`, () => {
      assert.deepEqual(resolveChecks(one, spec, read), { kind: 'problem', because })
    })
  }
})
