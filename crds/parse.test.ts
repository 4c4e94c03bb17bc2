import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAnalysisTemplate, parseGitSource, parseRollout, type Result } from './parse.ts'
import { describeProblem } from './problem.ts'

type Fields = Readonly<Record<string, unknown>>

const spec: Fields = {
  selector: { matchLabels: { app: 'checkout' } },
  template: { spec: {} },
  traffic: { istio: { host: 'checkout' } },
  canary: { steps: [{ weight: 5, hold: '2m' }] },
}

const rollout = (fields: Fields = {}): Fields => ({
  apiVersion: 'sluice.dev/v1alpha1',
  kind: 'Rollout',
  metadata: { name: 'checkout' },
  spec: { ...spec, ...fields },
})

const steps = (...list: unknown[]): Fields => rollout({ canary: { steps: list } })
const istio = (fields: Fields): Fields =>
  rollout({ traffic: { istio: { host: 'checkout', ...fields } } })
const checks = (...list: unknown[]): Fields => rollout({ analysis: { checks: list } })

function told(result: Result<unknown>): string[] {
  return result.ok ? [] : result.problems.map(describeProblem)
}

test('a wrong Rollout is told in sentences that name the field, the value and the remedy', () => {
  const year = 'must be a duration of at most 365 days (8760h)'
  const durationText = 'must be a duration such as 500ms, 30s or 1h30m'
  const rows: [object: unknown, problems: string[]][] = [
    [null, ['the object must be an object, found null']],
    ['text', ['the object must be an object, found "text"']],
    [[], ['the object must be an object, found a list of 0']],
    [{ ...rollout(), kind: 'Deployment' }, ['kind must be Rollout, found "Deployment"']],
    [
      { ...rollout(), apiVersion: 'argoproj.io/v1alpha1' },
      ['apiVersion must be sluice.dev/v1alpha1, found "argoproj.io/v1alpha1"'],
    ],
    [{ ...rollout(), spec: undefined }, ['spec is required']],
    [{ ...rollout(), metadata: {} }, ['metadata.name is required']],
    [
      { ...rollout(), metadata: { name: 'Checkout' } },
      ['metadata.name must be a lower-case DNS name, found "Checkout"'],
    ],
    [
      { ...rollout(), metadata: { name: 'a'.repeat(64) } },
      ['metadata.name must have at most 63 characters, found 64 characters'],
    ],
    [
      rollout({ template: undefined }),
      ['spec: exactly one of template and workloadRef must be set'],
    ],
    [rollout({ template: null }), ['spec: exactly one of template and workloadRef must be set']],
    [
      rollout({ config: [{ configMap: 'env', secret: 'env' }] }),
      ['spec.config[0]: exactly one of configMap and secret must be set'],
    ],
    [
      rollout({ restartAt: 'now' }),
      ['spec.restartAt must be a time such as 2026-01-31T12:00:00Z, found "now"'],
    ],
    [
      rollout({ template: { spec: {}, sepc: {} } }),
      ['unknown field spec.template.sepc: did you mean spec?'],
    ],
    [
      rollout({ canary: { step: [{ weight: 5 }] } }),
      ['unknown field spec.canary.step: did you mean steps?'],
    ],
    [
      steps({ setWeight: 5 }),
      ['unknown field spec.canary.steps[0].setWeight: did you mean weight?'],
    ],
    [
      steps({ weight: 5, pause: '1m' }),
      [
        'unknown field spec.canary.steps[0].pause: known fields are approval, hold, match, mirror, scale and weight',
      ],
    ],
    [
      rollout({ bluegreen: {}, canary: undefined }),
      ['unknown field spec.bluegreen: did you mean blueGreen?'],
    ],
    [
      rollout({ replicas: '6' }),
      ['spec.replicas must be a number, found "6": write 6 without quotes'],
    ],
    [rollout({ replicas: 'six' }), ['spec.replicas must be a number, found "six"']],
    [rollout({ replicas: 1.5 }), ['spec.replicas must be a whole number, found 1.5']],
    [rollout({ replicas: Number.NaN }), ['spec.replicas must be a number, found NaN']],
    [rollout({ replicas: -1 }), ['spec.replicas must be at least 0, found -1']],
    [rollout({ replicas: 10_001 }), ['spec.replicas must be at most 10000, found 10001']],
    [
      steps({ weight: 5 }, { weight: 150 }),
      ['spec.canary.steps[1].weight must be at most 100, found 150'],
    ],
    [steps(), ['spec.canary.steps must have at least 1 item, found 0']],
    [
      steps(...Array.from({ length: 33 }, () => ({ weight: 5 }))),
      ['spec.canary.steps must have at most 32 items, found 33'],
    ],
    [
      steps({ weight: 5 }, { weight: 25 }, { weight: 10 }),
      ['spec.canary.steps: weights must not fall from one step to the next'],
    ],
    [steps({ weight: 5 }, null), ['spec.canary.steps[1] must be an object, found null']],
    [steps({ weight: 5, hold: 30 }), [`spec.canary.steps[0].hold ${durationText}, found 30`]],
    [steps({ weight: 5, hold: '1d' }), [`spec.canary.steps[0].hold ${durationText}, found "1d"`]],
    [rollout({ progressDeadline: '8761h' }), [`spec.progressDeadline ${year}, found "8761h"`]],
    [
      steps({ weight: 5, hold: '30m' }),
      ['spec.progressDeadline must be longer than the longest hold, or no step can end in time'],
    ],
    [
      steps({ weight: 5, approval: 'true' }),
      [
        'spec.canary.steps[0].approval must be true or false, found "true": write true without quotes',
      ],
    ],
    [rollout({ blueGreen: {} }), ['spec: exactly one of canary and blueGreen must be set']],
    [rollout({ canary: null }), ['spec: exactly one of canary and blueGreen must be set']],
    [
      rollout({ revert: { mode: 'merge-request' } }),
      [
        'spec.revert.mode must be one of direct, pull-request, direct-then-pr, suggest or off, found "merge-request"',
      ],
    ],
    [
      rollout({ revert: { mode: false } }),
      [
        'spec.revert.mode must be one of direct, pull-request, direct-then-pr, suggest or off, found false: write "off", in quotes, because YAML reads the bare word as false',
      ],
    ],
    [
      rollout({ selector: { matchLabels: {} } }),
      ['spec.selector.matchLabels must have 1 to 32 labels'],
    ],
    [
      rollout({ selector: { matchLabels: { 'example.com/tier': 1 } } }),
      ['spec.selector.matchLabels["example.com/tier"] must be text, found 1: write "1", in quotes'],
    ],
    [
      istio({ host: 'Checkout!' }),
      ['spec.traffic.istio.host must be a host name, found "Checkout!"'],
    ],
    [
      istio({ delegate: true, hosts: ['shop.example.com'] }),
      [
        'spec.traffic.istio: a delegate VirtualService must not name hosts, gateways, tcp or tls rules: its root does',
      ],
    ],
    [
      rollout({ traffic: { istio: { host: 'a' }, service: { host: 'a' } } }),
      ['spec.traffic: exactly one of istio, linkerd, gatewayApi and service must be set'],
    ],
    [
      istio({ virtualServices: [{ name: 'mine' }], gateways: ['mesh'] }),
      [
        'spec.traffic.istio: virtualServices are edited in place: delegate, hosts, gateways, virtualService, tcpRoutes and tlsRoutes belong to one that Sluice owns',
      ],
    ],
    [
      rollout({ traffic: { gatewayApi: { host: 'a', port: 80 } } }),
      ['spec.traffic.gatewayApi: exactly one of parentRefs and routes must be set'],
    ],
    [
      rollout({
        traffic: { linkerd: { host: 'a', port: 80 } },
        canary: { steps: [{ weight: 5, mirror: 10 }] },
      }),
      [
        'spec: mirror needs http rules of Istio or the Gateway API: Linkerd drops a route that mirrors',
      ],
    ],
    [
      rollout({
        traffic: { service: { host: 'a' } },
        canary: { steps: [{ weight: 5, match: { cookie: { name: 'beta', value: '1' } } }] },
      }),
      ['spec: match needs http rules of a mesh: a plain Service, tcp and tls know no headers'],
    ],
    [
      steps({ weight: 5, match: { headers: { 'x-canary': { exact: 'a', prefix: 'b' } } } }),
      [
        'spec.canary.steps[0].match.headers.x-canary: exactly one of exact, prefix and regex must be set',
      ],
    ],
    [
      rollout({ analysis: {} }),
      [
        'spec.analysis needs checks, a templateRef or both: an analysis without checks has no evidence',
      ],
    ],
    [
      checks({ name: 'errors' }),
      [
        'spec.analysis.checks[0]: exactly one of successRate, latency, compare, prometheus, datadog, cloudWatch, webhook and job must be set',
      ],
    ],
    [
      checks({ name: 'custom', prometheus: { query: 'up' } }),
      [
        'spec.analysis.checks[0].prometheus needs min, max or both: a query without a bound can not fail',
      ],
    ],
    [
      checks({ name: 'slow', latency: { quantile: 1, max: '1s' } }),
      ['spec.analysis.checks[0].latency.quantile must be less than 1, found 1'],
    ],
    [
      checks({ name: 'a', successRate: { min: 9 } }, { name: 'a', successRate: { min: 8 } }),
      ['spec.analysis.checks: names of checks must differ'],
    ],
    [
      rollout({ replicas: -1, minReadySeconds: 9_999, revert: { moode: 'off' } }),
      [
        'unknown field spec.revert.moode: did you mean mode?',
        'spec.replicas must be at least 0, found -1',
        'spec.minReadySeconds must be at most 3600, found 9999',
      ],
    ],
  ]
  for (const [object, problems] of rows) assert.deepEqual(told(parseRollout(object)), problems)
})

test('a wrong AnalysisTemplate or GitSource is told alike', () => {
  const head = { apiVersion: 'sluice.dev/v1alpha1', metadata: { name: 'shop' } }
  const template = (fields: unknown) =>
    parseAnalysisTemplate({ ...head, kind: 'AnalysisTemplate', spec: fields })
  const source = (fields: unknown) => parseGitSource({ ...head, kind: 'GitSource', spec: fields })
  const check = { name: 'errors', successRate: { min: 99 } }
  const nowhere =
    'spec.args must set fields of checks of the template in which the kind of the field, or the interval, is written'
  const wrongFields =
    'spec.args[0].sets must be numbers, such as successRate.min, for type number, and times, such as latency.max, for type duration'
  const rows: [Result<unknown>, string[]][] = [
    [template({ checks: [] }), ['spec.checks must have at least 1 item, found 0']],
    [
      template({ checks: [check], args: [{ name: 'a' }, { name: 'a' }] }),
      ['spec.args: names of arguments must differ'],
    ],
    ...(
      [
        ['number', 'errors', 'successRate.min', []],
        ['number', 'errors', 'failureLimit', [nowhere]],
        ['number', 'errors', 'latency.quantile', [nowhere]],
        ['number', 'other', 'successRate.min', [nowhere]],
        ['duration', 'errors', 'successRate.min', [wrongFields]],
        ['string', 'errors', 'successRate.min', [wrongFields]],
      ] as const
    ).map(([type, name, field, told]): [Result<unknown>, string[]] => [
      template({ checks: [check], args: [{ name: 'a', type, sets: [{ check: name, field }] }] }),
      [...told],
    ]),
    [template({ check }), ['unknown field spec.check: did you mean checks?']],
    [source({}), ['spec.repository is required']],
    [
      source({ repository: 'git@example.com:shop.git' }),
      ['spec.repository must be an https, ssh or file URL, found "git@example.com:shop.git"'],
    ],
    [
      source({ repository: 'https://me@git.example.com/shop' }),
      [
        'spec.repository must not carry credentials: the URL is shown in logs and status, found a URL with credentials',
      ],
    ],
    [
      source({ repository: 'ssh://git:secret@git.example.com/shop' }),
      [
        'spec.repository must not carry credentials: the URL is shown in logs and status, found a URL with credentials',
      ],
    ],
    [
      source({ repository: 'http://git:secret@git.example.com/shop' }),
      ['spec.repository must be an https, ssh or file URL, found a URL with credentials'],
    ],
    [
      source({ repository: 'https://git.example.com/shop', branch: '-x' }),
      ['spec.branch must be a branch name, found "-x"'],
    ],
  ]
  for (const [result, problems] of rows) assert.deepEqual(told(result), problems)
})

test('a valid object comes out with its defaults, nulls count as absent, and the template is kept', () => {
  const template = { metadata: { creationTimestamp: null }, spec: { hostNetwork: null } }
  const result = parseRollout(rollout({ template, replicas: null, revert: { mode: null } }))
  assert.ok(result.ok)
  assert.equal(result.value.spec.replicas, 1)
  assert.deepEqual(result.value.spec.revert, { mode: 'direct', delay: '0s' })
  assert.deepEqual(result.value.spec.template, template)
})

test('fields that a newer version wrote into a status are dropped, not refused', () => {
  const status = { decision: 3, phase: 'Stable', invented: true, stable: { revision: 'a', x: 1 } }
  const result = parseRollout({ ...rollout(), status })
  assert.ok(result.ok)
  assert.deepEqual(result.value.status?.stable, { revision: 'a' })
})

test('names that reach for prototypes are refused wherever they stand', () => {
  for (const key of ['__proto__', 'constructor', 'prototype']) {
    const spec = JSON.parse(`{"template":{"spec":{"a":[{"${key}":{"polluted":true}}]}}}`)
    assert.deepEqual(parseRollout(rollout(spec)), {
      ok: false,
      problems: [
        {
          path: ['spec', 'template', 'spec', 'a', 0, key],
          message: `spec.template.spec.a[0].${key} has a name that is not allowed`,
          remedy: 'rename it',
        },
      ],
    })
  }
  assert.equal(Reflect.get({}, 'polluted'), undefined)
})

test('objects that are too deep, too large or endless are refused, not walked', () => {
  const deep = JSON.parse(`${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`)
  const endless: Record<string, unknown> = {}
  endless['a'] = endless
  const wide = Array.from({ length: 100_001 }, () => 0)
  assert.deepEqual(told(parseRollout(rollout({ template: { spec: deep } }))), [
    'spec.template.spec must be nested at most 64 deep',
  ])
  assert.deepEqual(told(parseRollout(rollout({ template: { spec: endless } }))), [
    'spec.template.spec must be nested at most 64 deep',
  ])
  assert.deepEqual(told(parseRollout(rollout({ template: { spec: { wide } } }))), [
    'the object must hold at most 100000 values',
  ])
})

test('an object with many faults is told in at most 32 problems, each short', () => {
  const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`${i}`.repeat(500), 1]))
  const told = parseRollout(rollout({ canary: { steps: Array(5_000).fill('x') }, ...many }))
  assert.ok(!told.ok)
  assert.equal(told.problems.length, 32)
  assert.ok(told.problems.every((problem) => describeProblem(problem).length < 400))
})
