// Random specs of every kind out, valid ones and such as people get wrong; for tests that hold readers against each other.
import fc from 'fast-check'
import { isObject } from './admission.ts'

/** What every Rollout has; a strategy is to be added. */
export const base = {
  selector: { matchLabels: { app: 'checkout' } },
  template: { spec: { containers: [{ name: 'web', image: 'web:1' }] } },
  traffic: { istio: { host: 'checkout' } },
}

const service = { host: 'checkout', port: 80 }
const traffic = fc.constantFrom<object>(
  base.traffic,
  { istio: { host: 'checkout', delegate: true } },
  { istio: { host: 'checkout', tcpRoutes: [{ port: 9000 }] } },
  { istio: { host: 'checkout', virtualServices: [{ name: 'mine', routes: ['primary'] }] } },
  { linkerd: service, settle: '5s' },
  { gatewayApi: { ...service, parentRefs: [{ name: 'public' }] } },
  { gatewayApi: { ...service, kind: 'GRPCRoute', routes: [{ name: 'mine', rules: ['a'] }] } },
  { service: { host: 'checkout' }, drain: '1m' },
)
const match = fc.constantFrom<object>(
  { headers: { 'x-canary': { exact: 'yes' }, tenant: { regex: 'a|b' } } },
  { cookie: { name: 'beta', value: '1' } },
)

const duration = fc.constantFrom('0s', '500ms', '30s', '5m', '29m59s', '1h', '1h30m', '8760h')
const name = fc.constantFrom('a', 'b-1', 'errors', 'latency')
const bound = fc.constantFrom(0, 0.01, 99, 100)

const header = { name: 'Authorization', secretRef: { name: 'hook', key: 'token' } }

const check = fc.oneof(
  fc.record({ name, successRate: fc.record({ min: bound }) }),
  fc.record({ name, latency: fc.record({ max: duration }) }),
  fc.record({ name, prometheus: fc.record({ query: fc.constant('up'), max: bound }) }),
  fc
    .record({ name, interval: duration, failureLimit: fc.constantFrom(0, 3), window: duration })
    .map((measured) => ({ ...measured, successRate: { min: 99 } })),
  fc.record({ name, compare: fc.constantFrom({ metric: 'errors' }, { metric: 'latency' }) }),
  fc.constantFrom<{ readonly name: string; readonly [field: string]: unknown }>(
    { name: 'hook', webhook: { url: 'https://hooks.example.com/{{revision}}', max: 1 } },
    { name: 'hook', webhook: { url: 'http://a/', path: '$.a[0].b', min: 1, headers: [header] } },
    { name: 'dd', datadog: { query: 'avg:a{*}', secretRef: { name: 'dd' }, max: 1 } },
    { name: 'smoke', job: { spec: { template: { spec: { containers: [] } } } } },
    {
      name: 'cw',
      cloudWatch: {
        region: 'eu-central-1',
        secretRef: { name: 'aws' },
        queries: [{ id: 'a', namespace: 'AWS/ELB', metricName: 'Errors' }],
        max: 1,
      },
    },
  ),
)

const analysis = fc.record(
  {
    checks: fc.uniqueArray(check, { minLength: 1, maxLength: 3, selector: (item) => item.name }),
    templateRef: fc.record({ name, args: fc.constant({ host: 'web' }) }),
    metrics: fc.constantFrom('istio', 'openmetrics'),
    minRequests: fc.constantFrom(1, 100),
    onError: fc.constantFrom('pause', 'abort'),
  },
  { requiredKeys: ['checks'] },
)

const step = fc.record(
  {
    weight: fc.integer({ min: 0, max: 100 }),
    hold: duration,
    approval: fc.boolean(),
    match,
    mirror: fc.constantFrom(1, 50),
  },
  { requiredKeys: ['weight'] },
)

const strategy = fc.oneof(
  fc.array(step, { minLength: 1, maxLength: 4 }).map((steps) => ({
    canary: { steps: steps.toSorted((a, b) => a.weight - b.weight) },
  })),
  fc.record({ hold: duration }, { requiredKeys: [] }).map((blueGreen) => ({ blueGreen })),
)

const rollout = fc
  .record(
    {
      replicas: fc.integer({ min: 0, max: 9 }),
      progressDeadline: duration,
      analysis,
      traffic,
      revert: fc.constantFrom({}, { mode: 'off' }),
      config: fc.constantFrom([], [{ configMap: 'a' }, { secret: 'a' }], [{ configMap: 'b.c' }]),
      restartAt: fc.constantFrom('2026-02-30T23:59:59Z', '2026-01-01T00:00:00.123+05:30'),
    },
    { requiredKeys: [] },
  )
  .chain((fields) => strategy.map((chosen) => ({ ...base, ...fields, ...chosen })))

const template = fc.record(
  {
    args: fc.constantFrom<object[]>(
      [],
      [{ name: 'host' }, { name: 'path', value: '/' }],
      [
        { name: 'share', type: 'number', value: '0.5' },
        { name: 'b', type: 'boolean' },
      ],
      [{ name: 'long', type: 'duration', value: '5m' }],
      ...(['number', 'duration', 'string'] as const).flatMap((type) =>
        ['errors', 'a'].map((name) => [
          { name: 'f', type, sets: [{ check: name, field: 'successRate.min' }] },
          { name: 'g', type, sets: [{ check: name, field: 'latency.max' }] },
          { name: 'h', type, sets: [{ check: name, field: 'interval' }] },
        ]),
      ),
    ),
    checks: fc.uniqueArray(check, { minLength: 1, maxLength: 3, selector: (item) => item.name }),
  },
  { requiredKeys: ['checks'] },
)

/** Valid ones, by kind. */
export const specs: Record<string, fc.Arbitrary<unknown>> = {
  Rollout: rollout,
  AnalysisTemplate: template,
  ClusterAnalysisTemplate: template,
  Notification: fc.oneof(
    ...[
      { slack: { secretRef: { name: 'slack' } } },
      { teams: { secretRef: { name: 'teams' } } },
      { webhook: { url: 'https://events.example.com/sluice' } },
      { github: { repository: 'https://github.com/a/b', secretRef: { name: 'token' } } },
      { gitlab: { repository: 'https://gitlab.com/a/b', api: 'https://gl.x/api' }, text: '{' },
    ].map((provider) =>
      fc
        .record(
          {
            selector: fc.constant({ matchLabels: { team: 'a' } }),
            reasons: fc.constantFrom(['Aborted'], ['Started', 'Promoted']),
            text: fc.constantFrom('{{name}}: {{because}}', 'on { {{name}} {', '{{name}'),
            suspend: fc.boolean(),
          },
          { requiredKeys: [] },
        )
        .map((fields) => ({ ...provider, ...fields })),
    ),
  ),
  GitSource: fc.record(
    {
      repository: fc.constantFrom(
        'https://git.example.com/shop.git',
        'ssh://git@example.com/shop',
        'https://user:secret@git.example.com/shop',
      ),
      branch: fc.constantFrom('main', 'release/1'),
      include: fc.constantFrom([], ['**/*.yaml']),
      author: fc.constantFrom({}, { name: 'Shop' }),
    },
    { requiredKeys: ['repository'] },
  ),
}

const strange = fc.constantFrom<unknown[]>(
  ...[null, true, 0, -1, 1, 101, 1.5, 1e9, 2 ** 53, '', 'x', 'A b', '1d', '30', '99999h', '45m'],
  ...['x'.repeat(300), 'x'.repeat(5_000), 'https://u:p@host/x', 'on', [], [null], {}, { a: 1 }],
  ...[{ a: null }, { weight: 0 }, [{ weight: 9 }, { weight: 8 }], { ['k'.repeat(400)]: 'v' }],
  Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`k${i}`, 'v'])),
)

/** Up to three changes at random places: another value, a field removed, added or doubled. */
export function mutated(spec: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const change = fc.record({
    at: fc.nat(10_000),
    how: fc.constantFrom('replace', 'remove', 'add', 'double'),
    value: strange,
    key: fc.constantFrom(
      ...[
        'extra',
        'canary',
        'blueGreen',
        'min',
        'hosts',
        'delegate',
        'steps',
        'linkerd',
        'service',
      ],
      ...['interval', 'count', 'value', 'type', 'compare', 'expression', 'job'],
      ...['routes', 'exact', 'prefix', 'cookie', 'mirror', 'virtualService', 'hostnames'],
    ),
  })
  return fc.tuple(spec, fc.array(change, { maxLength: 3 })).map(([value, changes]) => {
    const copy = structuredClone(value)
    for (const { at, how, value: other, key } of changes) {
      const places = placesOf(copy)
      const place = places[at % places.length]
      if (place === undefined) continue
      const [owner, field] = place
      if (how === 'replace') owner[field] = structuredClone(other)
      else if (how === 'remove') delete owner[field]
      else if (how === 'double') owner[field] = [owner[field], owner[field]].flat()
      else if (isObject(owner[field])) Object.assign(owner[field], { [key]: other })
    }
    return JSON.parse(JSON.stringify(copy))
  })
}

function placesOf(value: unknown): [Record<string, unknown>, string][] {
  if (typeof value !== 'object' || value === null) return []
  const owner = value as Record<string, unknown>
  return Object.keys(owner).flatMap((key) => [[owner, key], ...placesOf(owner[key])])
}
