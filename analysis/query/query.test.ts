import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Check } from '../../crds/check.ts'
import { istio } from '../metrics/istio.ts'
import { fill, keep, quoted } from '../promql-text.ts'
import {
  groupedQuery,
  maxQueryLength,
  questionFor,
  serviceOf,
  shards,
  type Target,
} from './query.ts'
import { windowFor, windows } from './window.ts'

const target = (changes: Partial<Target> = {}): Target => ({
  namespace: 'shop',
  name: 'checkout',
  host: 'checkout',
  revision: 'aaaa',
  stable: 'bbbb',
  windowMs: 60_000,
  table: istio,
  ...changes,
})

const ownCheck = (query: string) => Check.parse({ name: 'own', prometheus: { query, max: 1 } })

describe('a built-in query', () => {
  test('asks for both arms of one target by exact labels', () => {
    const check = Check.parse({ name: 'errors', successRate: { min: 99 } })
    assert.deepEqual(questionFor(check, target()), {
      kind: 'requests',
      query:
        'sum by (destination_service_namespace, destination_service_name, destination_canonical_revision, response_code, grpc_response_status) ' +
        '(increase(istio_requests_total{reporter=~"source|waypoint",response_code!="0",' +
        'destination_service_namespace="shop",destination_service_name=~"checkout|checkout-aaaa|checkout-bbbb",' +
        'destination_canonical_revision=~"aaaa|bbbb"}[60s]))',
    })
  })

  test('asks for buckets where the check is about latency', () => {
    const check = Check.parse({ name: 'latency', latency: { max: '500ms' } })
    assert.deepEqual(questionFor(check, target({ stable: null, windowMs: 2_500 })), {
      kind: 'durations',
      query:
        'sum by (destination_service_namespace, destination_service_name, destination_canonical_revision, le) ' +
        '(increase(istio_request_duration_milliseconds_bucket{reporter=~"source|waypoint",response_code!="0",' +
        'destination_service_namespace="shop",destination_service_name=~"checkout|checkout-aaaa",' +
        'destination_canonical_revision="aaaa"}[2500ms]))',
    })
  })

  test('speaks for many targets in one group, and escapes what they are called', () => {
    const grouped = groupedQuery('requests', [
      target(),
      target({ revision: 'a.b"|c', stable: 'bbbb' }),
    ])
    assert.match(
      grouped,
      /destination_canonical_revision=~"a\\\\\.b\\"\\\\\|c\|aaaa\|bbbb"\}\[60s\]/,
    )
  })

  test('never grows beyond the length of a query', () => {
    const many = Array.from({ length: 450 }, (_, i) =>
      target({ revision: `${i}`.padStart(63, 'r'), stable: `${i}`.padStart(63, 's') }),
    )
    const cut = shards('requests', many, 200)
    assert.deepEqual(cut.flat(), many)
    assert.ok(cut.every((shard) => groupedQuery('requests', shard).length <= maxQueryLength))
    assert.equal(
      shards(
        'requests',
        many.map((one, i) => ({ ...one, revision: `${i}`, stable: null })),
        200,
      ).length,
      3,
    )
  })

  for (const [host, service] of [
    ['checkout', { name: 'checkout', namespace: 'shop' }],
    ['checkout.pay', { name: 'checkout', namespace: 'pay' }],
    ['checkout.pay.svc.cluster.local', { name: 'checkout', namespace: 'pay' }],
    ['api.example.com', null],
    ['*', null],
  ] as const) {
    test(`knows the Service behind host ${host}`, () => {
      assert.deepEqual(serviceOf(target({ host })), service)
    })
  }

  test('is a clear problem where the host is no Service', () => {
    const check = Check.parse({ name: 'errors', successRate: { min: 99 } })
    assert.deepEqual(questionFor(check, target({ host: 'api.example.com' })), {
      kind: 'problem',
      because: 'host api.example.com is not the name of a Service',
    })
  })
})

describe('an own query', () => {
  for (const [name, query, expected] of [
    [
      'has its placeholders filled',
      'f{r="{{revision}}",s="{{ stable }}",n="{{namespace}}/{{name}}",h="{{host}}"}[{{window}}]',
      'f{r="aaaa",s="bbbb",n="shop/checkout",h="checkout"}[60s]',
    ],
    ['keeps what is no placeholder', 'f{a="b"} > 1 # it is {"a"}', 'f{a="b"} > 1 # it is {"a"}'],
  ] as const) {
    test(name, () => {
      assert.deepEqual(questionFor(ownCheck(query), target()), { kind: 'own', query: expected })
    })
  }

  for (const placeholder of ['args.code', 'Revision', '', 'constructor']) {
    test(`with the unknown placeholder "${placeholder}" is a problem that names it`, () => {
      assert.deepEqual(questionFor(ownCheck(`f{a="{{${placeholder}}}"}`), target()), {
        kind: 'problem',
        because: `query: unknown placeholder {{${placeholder}}}`,
      })
    })
  }

  for (const [name, template, value, expected] of [
    ['a quote in a string', 'f{a="{{v}}"}', 'x"} or vector(1)', 'f{a="x\\"} or vector(1)"}'],
    ['a backslash in a string', "f{a='{{v}}'}", "\\' or", "f{a='\\\\\\' or'}"],
    ['a line break', 'f{a="{{v}}"}', 'a\nb', 'f{a="a\\nb"}'],
    ['a number outside of strings', 'f > {{v}}', '0.5', 'f > 0.5'],
    ['a raw string', 'f{a=~`{{v}}\\`,b="{{v}}"}', 'x', 'f{a=~`x\\`,b="x"}'],
  ] as const) {
    test(`lets a value do no harm: ${name}`, () => {
      assert.deepEqual(
        fill(template, () => value),
        { text: expected },
      )
    })
  }

  for (const [template, value] of [
    ['f > {{v}}', '1 or vector(1)'],
    ['f{a="b"} > {{v}}', ''],
    ['f{a=`{{v}}`}', '`} or vector(1)'],
    ["# it's\nf > {{v}}", '1 or vector(1)'],
  ] as const) {
    test(`refuses a value that would break out of ${JSON.stringify(template)}`, () => {
      const problem = 'the value of {{v}} can not stand here: put it in quotes'
      assert.deepEqual(
        fill(template, () => value),
        { problem },
      )
    })
  }

  test('keeps a placeholder for a later pass where that is asked', () => {
    assert.deepEqual(
      fill('a{{b}}', () => keep),
      { text: 'a{{b}}' },
    )
    assert.equal(quoted('a"\\\n'), '"a\\"\\\\\\n"')
  })
})

describe('the window', () => {
  const scrapeIntervalMs = 15_000
  for (const [liveS, windowS] of [
    [-5, null],
    [74, null],
    [75, 60],
    [134, 60],
    [135, 120],
    [300, 240],
    [500, 480],
    [615, 600],
    [86_400, 600],
  ] as const) {
    test(`of a weight that is live for ${liveS}s is ${windowS === null ? 'none' : `${windowS}s`}`, () => {
      const windowMs = windowFor({
        fromMs: 1_000_000,
        nowMs: 1_000_000 + liveS * 1_000,
        scrapeIntervalMs,
      })
      assert.equal(windowMs, windowS === null ? null : windowS * 1_000)
    })
  }

  test('has few rungs, and four scrapes even where scrapes are rare', () => {
    assert.deepEqual(
      windows(1_000),
      [4, 8, 16, 32, 64, 120, 240, 480, 600].map((s) => s * 1_000),
    )
    assert.deepEqual(windows(180_000), [720_000])
  })
})
