import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Analysis, AnalysisTemplateSpec } from '../../crds/analysis-template.ts'
import { resolveChecks } from './template.ts'

const query = 'f{code="{{args.code}}",r="{{revision}}"} > {{args.least}}'
const template = AnalysisTemplateSpec.parse({
  args: [{ name: 'code' }, { name: 'least', value: '5' }],
  checks: [
    { name: 'errors', successRate: { min: 99 } },
    { name: 'custom', prometheus: { query, max: 1 } },
  ],
})
const own = { name: 'mine', successRate: { min: 90 } }
const analysis = (args: Record<string, string>, checks: unknown[] = []) =>
  Analysis.parse({ templateRef: { name: 'shared', args }, checks })

describe('the checks of a Rollout', () => {
  test('are those of the template with arguments filled in, then its own', () => {
    assert.deepEqual(resolveChecks(analysis({ code: '5"x' }, [own]), template), {
      kind: 'checks',
      checks: [
        { name: 'errors', successRate: { min: 99 } },
        { name: 'custom', prometheus: { query: 'f{code="5\\"x",r="{{revision}}"} > 5', max: 1 } },
        own,
      ],
    })
  })

  test('are its own where it names no template', () => {
    assert.deepEqual(resolveChecks(Analysis.parse({ checks: [own] }), null), {
      kind: 'checks',
      checks: [own],
    })
  })

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
      assert.deepEqual(resolveChecks(one, spec), { kind: 'problem', because })
    })
  }
})
