import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { type ApiServer, startApiServer } from '../lab/apiserver/server.ts'
import { type Reply, scriptedServer } from '../test/doubles/scripted-server.ts'
import { rollout } from '../test/fixtures/rollout.ts'
import { found, now, run, status } from './run.fixture.ts'

describe('against the embedded API server', () => {
  let api: ApiServer
  before(async () => {
    const crd = await readFile(new URL('../crds/rollouts.yaml', import.meta.url), 'utf8')
    api = await startApiServer({ crds: [crd], clock: () => now - 60_000, token: 's3cret' })
    const path = '/apis/sluice.dev/v1alpha1/namespaces/shop/rollouts'
    await send('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } })
    await send('POST', path, rollout())
    await send('PATCH', `${path}/checkout/status`, { status })
  })
  after(() => api.close())

  async function send(method: string, path: string, body: object): Promise<void> {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
    const headers = { authorization: 'Bearer s3cret', 'content-type': type }
    const answer = await fetch(api.url + path, { method, headers, body: JSON.stringify(body) })
    assert.ok(answer.ok, await answer.text())
  }

  test('get tells in a line what a rollout is doing and why', async () => {
    assert.deepEqual(await run(api.url, ['get']), {
      code: 0,
      err: '',
      out: `NAME      PHASE        STEP  WEIGHT  STABLE      CANARY      CHECKS  AGE  BECAUSE
checkout  Progressing  1/2   5%      5d8f22aa01  77ab01cdef  1/1     1m   revision 77ab01cdef starts with 5 % of traffic
`,
    })
  })

  test('flags that every command takes may stand before it', async () => {
    const { out } = await run(api.url, ['get', '-o', 'name'])
    for (const before of [['-n', 'shop'], ['-nshop'], ['--namespace=shop', '--context', 'lab']]) {
      assert.deepEqual(await run(api.url, [...before, 'get', '-o', 'name']), {
        code: 0,
        err: '',
        out,
      })
    }
    const { code, out: help } = await run(api.url, ['-n', 'shop'])
    assert.deepEqual([code, help.includes('Usage: kubectl sluice COMMAND')], [2, true])
  })

  test('status tells the whole story', async () => {
    const { out } = await run(api.url, ['status', 'rollout/checkout'])
    assert.equal(
      out,
      `shop/checkout
├─ phase      Progressing at step 1/2 for 1m
├─ because    revision 77ab01cdef starts with 5 % of traffic
├─ steps
│  ├─ ▶ 1    5 %  hold 30s, begun 1m ago
│  └─ · 2   50 %  hold 30s
├─ revisions
│  ├─ canary  77ab01cdef    5 %  no pods  commit 9f8e7d6c5b
│  └─ stable  5d8f22aa01   95 %  no pods
└─ checks
   └─ ✓ errors  Passed  99.9 %  (at least 99 %)  few failed
`,
    )
  })

  test('promote is stored once, for the revision and step that were seen', async () => {
    const line = (how: string) =>
      `rollout.sluice.dev/checkout promote ${how} at step 1/2 (revision 77ab01cdef)`
    const dry = await run(api.url, ['promote', 'checkout', '--dry-run=server'])
    const first = await run(api.url, ['promote', 'checkout', '--reason', 'looks fine'])
    const second = await run(api.url, ['promote', 'checkout'])
    assert.deepEqual(
      [dry.out, first.out, second.out],
      [
        `${line('requested')} (server dry run)\n`,
        `${line('requested')}\n`,
        `${line('already requested by ann')}\n`,
      ],
    )
    const { out } = await run(api.url, ['get', 'checkout', '-o=json'])
    assert.deepEqual(JSON.parse(JSON.parse(out).metadata.annotations['sluice.dev/promote']), {
      id: 'id-1',
      by: 'ann',
      why: 'looks fine',
      at: '2026-01-01T00:05:00.000Z',
      revision: '77ab01cdef',
      step: 0,
    })
  })

  test('promote in full is more than promote, and is stored as such', async () => {
    const at = 'at step 1/2 (revision 77ab01cdef)'
    const full = await run(api.url, ['promote', 'checkout', '--full'])
    const again = await run(api.url, ['promote', 'checkout', '--full'])
    const less = await run(api.url, ['promote', 'checkout'])
    const line = (what: string) => `rollout.sluice.dev/checkout ${what} ${at}\n`
    assert.deepEqual(
      [full.out, again.out, less.out],
      [
        line('promote in full requested'),
        line('promote in full already requested by ann'),
        line('promote already requested by ann'),
      ],
    )
    const { out } = await run(api.url, ['get', 'checkout', '-o=json'])
    const said = JSON.parse(JSON.parse(out).metadata.annotations['sluice.dev/promote'])
    assert.equal(said.full, true)
  })

  test('restart asks for fresh pods after the trial, and only when it is no dry run', async () => {
    const asked = async () => {
      const { out } = await run(api.url, ['get', 'checkout', '-o=jsonpath={.spec.restartAt}'])
      return out
    }
    const said =
      'rollout.sluice.dev/checkout restart requested of pods from before 2026-01-01T00:05:00Z, once the trial of revision 77ab01cdef has ended'
    const dry = await run(api.url, ['restart', 'checkout', '--dry-run=server'])
    assert.deepEqual([dry.out, await asked()], [`${said} (server dry run)\n`, ''])
    const { out } = await run(api.url, ['restart', 'checkout'])
    assert.deepEqual([out, await asked()], [`${said}\n`, '2026-01-01T00:05:00Z'])
  })

  const messages: readonly [string[], number, string][] = [
    [
      ['help', 'promte'],
      2,
      'error: unknown command "promte"; did you mean "promote"?\nSee: kubectl sluice --help\n',
    ],
    [
      ['doctor', 'shop'],
      2,
      'error: doctor looks at a namespace: -n shop\nSee: kubectl sluice doctor --help\n',
    ],
    [['version', 'all'], 2, 'error: version takes no words\nSee: kubectl sluice version --help\n'],
    [['get', '-n', 'other'], 0, 'No rollouts found in namespace other.\n'],
    [
      ['status', 'chekout'],
      1,
      'Error from server (NotFound): no rollout "chekout" in namespace shop; did you mean "checkout"?\n',
    ],
    [
      ['resume', 'checkout'],
      1,
      'error: cannot resume checkout: it is not paused, it is at step 1/2 (revision 77ab01cdef)\n',
    ],
    [
      ['promte'],
      2,
      'error: unknown command "promte"; did you mean "promote"?\nSee: kubectl sluice --help\n',
    ],
    [
      ['get', '--selectr=a'],
      2,
      'error: unknown flag --selectr; did you mean "--selector"?\nSee: kubectl sluice get --help\n',
    ],
    [['abort'], 2, 'error: the name of a rollout is missing\nSee: kubectl sluice abort --help\n'],
    [['get', '--context=x'], 1, 'error: context "x" does not exist\n'],
  ]
  for (const [argv, code, err] of messages) {
    test(`${argv.join(' ')} ends with ${code} and a sentence`, async () => {
      assert.deepEqual(await run(api.url, argv), { code, out: '', err })
    })
  }
})

const conflict: Reply = { code: 409, json: { reason: 'Conflict', message: 'modified' } }
const noReview: Reply = { code: 404, json: {} }
const moved = { ...found, status: { ...status, step: 1, progress: '2/2' } }

const conflicts: readonly [string, string, object, number, string][] = [
  ['promote', 'is refused when the step moved meanwhile', moved, 1, 'it is at step 2/2'],
  ['abort', 'is written again although the step moved', moved, 0, 'abort requested'],
  [
    'promote',
    'is written again after a change that does not matter',
    found,
    0,
    'promote requested',
  ],
]
for (const [verb, how, then, code, said] of conflicts) {
  test(`${verb} ${how}`, async () => {
    let reads = 0
    let writes = 0
    await using server = await scriptedServer(({ method }) => {
      if (method === 'POST') return noReview
      if (method === 'PATCH') return writes++ === 0 ? conflict : { code: 200, json: found }
      return { code: 200, json: reads++ === 0 ? found : then }
    })
    const answer = await run(server.url, [verb, 'checkout'])
    assert.equal(answer.code, code)
    assert.ok((answer.out + answer.err).includes(said), answer.out + answer.err)
    const patch = server.asked.find(({ method }) => method === 'PATCH')
    assert.equal(JSON.parse(patch?.body ?? '').metadata.resourceVersion, '7')
  })
}

test('the user is who the server says it is', async () => {
  await using server = await scriptedServer(({ method }) =>
    method === 'POST'
      ? { code: 201, json: { status: { userInfo: { username: 'ann@example.com' } } } }
      : { code: 200, json: found },
  )
  await run(server.url, ['abort', 'checkout'])
  const { metadata } = JSON.parse(server.asked.at(-1)?.body ?? '')
  assert.equal(JSON.parse(metadata.annotations['sluice.dev/abort']).by, 'ann@example.com')
})

const forbidden = 'rollouts.sluice.dev is forbidden: User "ann" cannot list resource "rollouts"'
const refusals: readonly [string, Reply, RegExp][] = [
  [
    'a person who is not signed in',
    { code: 401, json: { reason: 'Unauthorized', message: 'Unauthorized' } },
    /^error: you must be signed in .* user "ann" of context "lab" was not accepted/,
  ],
  [
    'what is not allowed',
    { code: 403, json: { reason: 'Forbidden', message: forbidden } },
    /^Error from server \(Forbidden\): rollouts.sluice.dev is forbidden: User "ann" cannot list/,
  ],
  ['a missing kind', { code: 404, json: {} }, /^error: the server has no resource "rollouts"/],
  [
    'a page of HTML for an error',
    { code: 502, text: '<html>' },
    /\(HTTP 502\): what stands before it does not reach it/,
  ],
  [
    'a page of HTML',
    { code: 200, text: '<html>' },
    /cannot reach the server .*: it did not answer in JSON; is it an API server\?/,
  ],
  ['JSON that is no object', { code: 200, text: '[]' }, /it did not answer in JSON/],
  ['another place', { code: 302, text: '' }, /\(HTTP 302\): it sends elsewhere/],
  [
    'a reset',
    'reset',
    /^error: cannot reach the server 127\.0\.0\.1:\d+ of context "lab": the conn/,
  ],
  ['silence', 'silence', /of context "lab": no answer within 0.05 s$/m],
]
for (const [what, reply, message] of refusals) {
  test(`get tells ${what} in a sentence`, async () => {
    await using server = await scriptedServer([reply])
    const { code, err } = await run(server.url, [
      'get',
      `--request-timeout=${reply === 'silence' ? '50ms' : '10s'}`,
    ])
    assert.equal(code, 1)
    assert.match(err, message)
  })
}

test('get follows all pages of a list', async () => {
  await using server = await scriptedServer([
    { code: 200, json: { metadata: { continue: 'more' }, items: [found] } },
    { code: 200, json: { metadata: {}, items: [found] } },
  ])
  const { out } = await run(server.url, ['get', '-A', '-o', 'name'])
  assert.equal(out, 'rollout.sluice.dev/checkout\nrollout.sluice.dev/checkout\n')
  assert.equal(server.asked[1]?.parameters['continue'], 'more')
})
