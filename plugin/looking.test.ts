// Commands that look once: why, history, doctor, plan, completion.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { type Reply, scriptedServer } from '../test/doubles/scripted-server.ts'
import { found, run, status } from './run.fixture.ts'

const past = {
  revision: '5d8f22aa01',
  commit: '0123456789abcdef',
  outcome: 'Promoted',
  progress: '3/4',
  because: 'all is well',
  author: 'Ann \u202eL.',
  verdicts: [
    { check: 'errors', outcome: 'Passed' },
    { check: 'latency', outcome: 'Failed' },
  ],
  startedAt: '2025-12-31T23:00:00Z',
  endedAt: '2025-12-31T23:12:30Z',
}
const times = { startedAt: '2025-12-31T23:00:00.000Z', endedAt: '2025-12-31T23:12:30.000Z' }
const object = {
  ...found,
  status: {
    ...status,
    startedAt: '2026-01-01T00:03:00Z',
    history: [past],
    blockedBy: { reason: 'Approval', message: 'promote it', since: '2026-01-01T00:04:30Z' },
  },
}
const one: Reply = { code: 200, json: object }

test('why names the cause and who may clear it', async () => {
  await using server = await scriptedServer([one])
  assert.equal(
    (await run(server.url, ['why', 'checkout'])).out,
    `shop/checkout
├─ because     promote it (for 30s)
├─ reason      Approval: A step passed its checks and waits for a person to promote it.
└─ cleared by  who may patch rollouts: kubectl sluice promote checkout, or abort checkout
`,
  )
  const { out } = await run(server.url, ['why', 'checkout', '--at', '10s', '-o', 'json'])
  assert.deepEqual(JSON.parse(out), {
    rollout: 'checkout',
    namespace: 'shop',
    at: '2026-01-01T00:04:50.000Z',
    because: 'promote it',
    known: 'This phase and step had begun, and nothing has changed them since.',
    blocked: true,
    reason: 'Approval',
    needsPerson: true,
    clearedBy: 'who may patch rollouts: kubectl sluice promote checkout, or abort checkout',
  })
  const wrong = await run(server.url, ['why', 'checkout', '--at', 'noon'])
  assert.match(wrong.err, /neither a time such as/)
})

test('history lists the trial that goes on and those that ended', async () => {
  await using server = await scriptedServer([one])
  assert.equal(
    (await run(server.url, ['history', 'checkout'])).out,
    `COMMIT      AUTHOR  REVISION    OUTCOME      STEP  VERDICTS                  STARTED               TOOK    BECAUSE
9f8e7d6c5b  -       77ab01cdef  Progressing  1/2   1 passed                  2026-01-01T00:03:00Z  2m      promote it
0123456789  Ann L.  5d8f22aa01  Promoted     3/4   latency Failed, 1 passed  2025-12-31T23:00:00Z  12m30s  all is well
`,
  )
  const narrow = { style: { width: 60, hasColour: false } }
  assert.equal(
    (await run(server.url, ['history', 'checkout'], narrow)).out,
    `COMMIT      AUTHOR  OUTCOME      STEP  TOOK    BECAUSE
9f8e7d6c5b  -       Progressing  1/2   2m      promote it
0123456789  Ann L.  Promoted     3/4   12m30s  all is well
`,
  )
  assert.match(
    (await run(server.url, ['history', 'checkout', '-o', 'wide'], narrow)).out,
    /Ann L\. .* errors Passed, latency Failed {2}2025/,
  )
  const { out } = await run(server.url, ['history', 'checkout', '-o', 'json'])
  assert.deepEqual(JSON.parse(out)[1], {
    ...past,
    author: 'Ann L.',
    ...times,
    durationSeconds: 750,
  })
})

/** A cluster where ann may look and not promote. */
const cluster: Readonly<Record<string, object>> = {
  '/version': { gitVersion: 'v1.33.1' },
  '/apis': { groups: [{ name: 'networking.istio.io' }] },
  '/apis/sluice.dev/v1alpha1': {
    resources: ['rollouts', 'analysistemplates', 'gitsources', 'notifications'].map((name) => ({
      name,
    })),
  },
  '/apis/sluice.dev/v1alpha1/namespaces/shop/rollouts': { items: [object] },
  '/apis/sluice.dev/v1alpha1/namespaces/shop/gitsources': { items: [] },
  '/apis/sluice.dev/v1alpha1/namespaces/shop/analysistemplates': { items: [] },
  '/apis/sluice.dev/v1alpha1/namespaces/shop/notifications': {
    items: [
      {
        metadata: { namespace: 'shop', name: 'slack' },
        status: {
          conditions: [{ type: 'Ready', status: 'False', message: 'there is no Secret x' }],
        },
      },
    ],
  },
}

test('doctor tells what is well, what is not, and what may not be done', async () => {
  await using server = await scriptedServer(({ method, path, body }) => {
    if (method === 'POST') {
      const { verb } = JSON.parse(body).spec.resourceAttributes
      return { code: 201, json: { status: { allowed: verb !== 'patch' } } }
    }
    const json = cluster[path]
    return json ? { code: 200, json } : { code: 404, json: { reason: 'NotFound' } }
  })
  const { out, code } = await run(server.url, ['doctor'])
  assert.equal(
    out,
    `namespace shop
├─ ✓ versions           plugin 0.1.0, server v1.33.1
├─ ✓ kinds of Sluice    sluice.dev/v1alpha1 serves all 4
├─ ? your rights        you may look at rollouts of shop, not steer them: promote and the like need patch on rollouts
├─ ✗ controller         1 of 1 rollouts were not decided on since they changed: shop/checkout: if that lasts, look whether the controller runs, and at its log
├─ ✓ mesh               Istio is served
├─ ✓ AnalysisTemplates  none that a rollout wants is missing
├─ ✓ metrics            each check of 1 rollouts had numbers when it was asked last
├─ ? revert of shop/checkout  it came from no GitSource, so a bad release is not restored in Git
├─ ? GitSources         there are none, so nothing is read from Git
└─ ✗ Notification shop/slack  there is no Secret x
`.replaceAll(
      /^(├─|└─) (.) (.+?) {2,}/gm,
      (_, branch, mark, about) => `${branch} ${mark} ${about.padEnd(23)}  `,
    ),
  )
  assert.equal(code, 1)
})

test('a role that may look but not promote is told so', async () => {
  const message = 'rollouts.sluice.dev "checkout" is forbidden: User "ann" cannot patch resource'
  await using server = await scriptedServer(({ method }) =>
    method === 'PATCH'
      ? { code: 403, json: { reason: 'Forbidden', message } }
      : method === 'POST'
        ? { code: 404, json: {} }
        : one,
  )
  const { err, code } = await run(server.url, ['promote', 'checkout'])
  assert.deepEqual([err, code], [`Error from server (Forbidden): ${message}\n`, 1])
})

const file = new URL('../examples/blue-green-istio/rollout.yaml', import.meta.url)

test('plan tells the steps in time and what is created', async () => {
  const text = await readFile(file, 'utf8')
  const world = { readInput: async () => text }
  const { out, code } = await run('http://127.0.0.1:1', ['plan', '-f', '-'], world)
  assert.equal(code, 0)
  assert.match(out, /├─ 1 {2}from 0s {4}0 % {2}4 of 4 pods {2}no checks {2}then approval/)
  assert.match(
    out,
    /after 10m10s at the earliest, and the start of pods, the checks errors, approval/,
  )
  assert.match(out, /VirtualService +billing {2}weights 100\/0, 0\/100/)
})

test('plan --diff tells what the change would set off', async () => {
  const { status: _, ...written } = found
  const spec = { ...written.spec, replicas: 9, template: { spec: { containers: [] } } }
  const world = { readInput: async () => JSON.stringify({ ...written, spec }) }
  await using server = await scriptedServer([one])
  const { out } = await run(server.url, ['plan', '-f', '-', '--diff'], world)
  assert.match(out, /change +revision \w{10} supersedes 77ab01cdef, which loses its traffic first/)
  assert.match(out, /~ spec.replicas +4 → 9\n/)
})

const completions: readonly [readonly string[], string][] = [
  [['pro'], 'promote\tLet a rollout leave the step it is at\n:4\n'],
  [['__'], ':4\n'],
  [['status', ''], 'checkout\n:4\n'],
  [['status', 'checkout', ''], ':4\n'],
  [['get', 'checkout', ''], ':4\n'],
  [['-n', 'shop', 'status', ''], 'checkout\n:4\n'],
  [['-n', ''], 'checkout\n:4\n'],
  [['get', '-o', 'y'], 'yaml\n:4\n'],
  [['get', '--output=j'], '--output=json\n--output=jsonpath=\n:4\n'],
  [['get', '-o', 'jsonp'], 'jsonpath=\n:6\n'],
  [['get', '--context', ''], 'lab\n:4\n'],
  [['get', '--all'], '--all-namespaces\trollouts of all namespaces\n:4\n'],
  [['lint', '-f', ''], ':0\n'],
  [['nonsense', ''], ':4\n'],
]
for (const [words, out] of completions) {
  test(`kubectl sluice ${words.join(' ')}⇥ completes`, async () => {
    await using server = await scriptedServer([{ code: 200, json: { items: [found] } }])
    assert.deepEqual(await run(server.url, ['__complete', ...words]), { code: 0, err: '', out })
  })
}

test('completions of a server that is gone are none, without a word', async () => {
  const ran = await run('http://127.0.0.1:1', ['__complete', 'status', ''])
  assert.deepEqual(ran, { code: 0, err: '', out: ':4\n' })
})
