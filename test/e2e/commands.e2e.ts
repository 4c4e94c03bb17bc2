// Commands of three people on a real API server: the policy of the chart lets nobody speak for another, and
// asks for a right of its own for each command.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { Command } from '../../crds/command.ts'
import { ApiError, type KubeApi, type Resource } from '../../kube/api.ts'
import { rollouts } from '../../kube/resources.ts'
import { applyChart } from './chart.ts'
import { connectTo, currentControlPlane, type Description } from './current.ts'
import { renderKubeconfig } from './kubeconfig.ts'
import { rolloutText } from './rollout-text.ts'

const run = promisify(execFile)
const namespace = 'e2e-commands'
const key = { namespace, name: 'checkout' }
const plugin = join(import.meta.dirname, '..', '..', 'plugin', 'kubectl-sluice.ts')

/** ada may look, grace may promote and nothing else, mallory may give every command. */
const rights = { ada: 'people-sluice-viewer', grace: 'promoter', mallory: 'people-sluice-operator' }
type Person = keyof typeof rights

let plane: Description
let api: KubeApi & { close(): Promise<void> }

before(async () => {
  plane = await currentControlPlane()
  api = connectTo(plane)
  if (plane.helm === null) return
  const metadata = { name: namespace }
  await api.create(clusterKind('v1', 'Namespace'), {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata,
  })
  const found = await api.patch(
    rollouts,
    key,
    'apply',
    parse(rolloutText({ namespace, version: 'v1' })),
  )
  await api.replace(rollouts, { ...found, status: onTrial }, { subresource: 'status' })
  await applyChart(plane, api, { namespace, release: 'people', component: 'people' })
  await api.create(roleKind('Role'), {
    ...{ apiVersion: rbac, kind: 'Role', metadata: { namespace, name: 'promoter' } },
    rules: [
      { apiGroups: ['sluice.dev'], resources: ['rollouts'], verbs: ['get', 'patch'] },
      { apiGroups: ['sluice.dev'], resources: ['rollouts/promote'], verbs: ['update'] },
    ],
  })
  for (const [person, role] of Object.entries(rights)) await bind(person, role)
  await untilPolicyHolds()
})

after(async () => {
  for (const [kind, name] of madeForCluster)
    await api.delete(clusterKind(...kind), { name }).catch(ignore)
  await api.delete(clusterKind('v1', 'Namespace'), { name: namespace }).catch(ignore)
  await api.close()
})

const common = { id: 'c1', at: '2026-01-01T00:00:00Z' }
const said = (by: string, more: object = {}) =>
  JSON.stringify({ id: common.id, by, ...more, at: common.at })

/** What is written, and what the server has against it. */
const cases: readonly (readonly [
  sentence: string,
  who: Person,
  annotations: Readonly<Record<string, string | null>>,
  refused: RegExp | null,
])[] = [
  ['a viewer may not promote', 'ada', { promote: said('ada') }, /cannot patch resource "rollouts"/],
  ['who may promote may promote', 'grace', { promote: said('grace') }, null],
  [
    'who may promote may not abort',
    'grace',
    { abort: said('grace') },
    /grace may not abort checkout/,
  ],
  [
    'one command that may be given brings in no other',
    'grace',
    { promote: said('grace', { why: 'x' }), abort: said('grace'), retry: said('grace') },
    /grace may not abort checkout/,
  ],
  [
    'an operator may abort',
    'mallory',
    { abort: said('mallory', { why: 'too "slow" \\ late' }) },
    null,
  ],
  [
    'an operator may pause',
    'mallory',
    { pause: said('mallory', { revision: 'ab', step: 2 }) },
    null,
  ],
  [
    'nobody may take away a command of a kind not granted',
    'grace',
    { abort: null },
    /may not abort/,
  ],
  ['an operator may take a command away', 'mallory', { pause: null }, null],
  ['other annotations need no right', 'grace', { 'of-a-team': 'x' }, null],
  ['nobody speaks for another', 'mallory', { abort: said('grace') }, /by must be mallory/],
  [
    'a second by is seen',
    'mallory',
    { abort: '{"id":"c2","by":"mallory","at":"","by":"grace"}' },
    /by must be mallory/,
  ],
  [
    'an escaped by is seen',
    'mallory',
    { abort: '{"id":"c2","by":"mallory","at":"","\\u0062y":"grace"}' },
    /a command is JSON without spaces/,
  ],
  [
    'an escaped name is seen',
    'mallory',
    { abort: '{"id":"c2","by":"gr\\u0061ce","at":"","why":"by\\":\\"mallory"}' },
    /a command is JSON without spaces/,
  ],
  [
    'spaces hide nothing',
    'mallory',
    { abort: '{"id":"c2","by":"mallory","at":"", "by" : "grace"}' },
    /a command is JSON without spaces/,
  ],
  [
    'by in the reason is a word',
    'mallory',
    { abort: said('mallory', { why: '"by":"grace"' }) },
    null,
  ],
  [
    'a command by nobody is none',
    'mallory',
    { retry: '{"id":"c2","at":""}' },
    /by must be mallory/,
  ],
  [
    'what is no JSON is no command',
    'mallory',
    { retry: 'now' },
    /a command is JSON without spaces/,
  ],
  [
    'a command that is too long is none',
    'mallory',
    { retry: said('mallory', { why: 'x'.repeat(2048) }) },
    /a command is JSON without spaces/,
  ],
]

for (const [sentence, who, annotations, refused] of cases) {
  test(sentence, async (t) => {
    if (plane.helm === null) return t.skip('there is no helm')
    const writing = write(plane.userTokens[who] ?? '', annotations)
    if (refused) return assert.rejects(writing, isRefusal(refused))
    const stored = (await writing).metadata.annotations
    for (const [verb, text] of Object.entries(annotations)) {
      assert.equal(stored?.[`sluice.dev/${verb}`] ?? null, text)
    }
  })
}

test('the administrator gives commands in the own name only', async (t) => {
  if (plane.helm === null) return t.skip('there is no helm')
  await write(plane.token, { promote: said('admin') })
  await assert.rejects(write(plane.token, { promote: said('ada') }), isRefusal(/by must be admin/))
})

test('kubectl sluice writes commands that the policy takes, as long as the person may give them', async (t) => {
  if (plane.helm === null) return t.skip('there is no helm')
  await write(plane.token, { promote: null, abort: null })
  const promoted = await sluice('grace', ['promote', 'checkout', '--reason', 'looks "fine"'])
  assert.match(promoted, /promote requested/)
  const { metadata } = await api.get(rollouts, key)
  const { by, why } = Command.parse(JSON.parse(metadata.annotations?.['sluice.dev/promote'] ?? ''))
  assert.deepEqual({ by, why }, { by: 'grace', why: 'looks "fine"' })
  await assert.rejects(sluice('grace', ['abort', 'checkout']), /grace may not abort checkout/)
  await assert.rejects(sluice('ada', ['abort', 'checkout']), /cannot patch/)
})

async function write(token: string, commands: Readonly<Record<string, string | null>>) {
  const person = connectTo(plane, token)
  const annotations = Object.fromEntries(
    Object.entries(commands).map(([verb, text]) => [`sluice.dev/${verb}`, text]),
  )
  try {
    return await person.patch(rollouts, key, 'merge', { metadata: { annotations } })
  } finally {
    await person.close()
  }
}

/** Runs the plugin as this person; rejects with what it complained of. */
async function sluice(who: Person, words: readonly string[]): Promise<string> {
  const directory = join(plane.directory, namespace)
  await mkdir(directory, { recursive: true })
  const path = join(directory, `${who}.kubeconfig`)
  const token = plane.userTokens[who] ?? ''
  await writeFile(path, renderKubeconfig({ ...plane, token, namespace }), { mode: 0o600 })
  const { stdout } = await run(process.execPath, [plugin, ...words, '--kubeconfig', path])
  return stdout
}

/** New policies are heard of a moment after they are stored. */
async function untilPolicyHolds(): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const isHeld = await write(plane.token, { retry: said('nobody') }).then(
      () => false,
      isRefusal(/./),
    )
    if (isHeld) return
    await write(plane.token, { retry: null }).catch(ignore)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('the policy does not hold after 30 s')
}

const isRefusal = (message: RegExp) => (error: unknown) =>
  error instanceof ApiError &&
  (error.code === 403 || error.code === 422) &&
  message.test(error.message)

const rbac = 'rbac.authorization.k8s.io/v1'
const admission = 'admissionregistration.k8s.io/v1'

/** What the test leaves outside of its namespace. */
const madeForCluster: readonly (readonly [kind: readonly [string, string], name: string])[] = [
  [[admission, 'ValidatingAdmissionPolicyBinding'], `${namespace}-people-sluice-commands`],
  [[admission, 'ValidatingAdmissionPolicy'], `${namespace}-people-sluice-commands`],
  [[rbac, 'ClusterRole'], 'people-sluice-viewer'],
  [[rbac, 'ClusterRole'], 'people-sluice-operator'],
]

async function bind(person: string, role: string): Promise<void> {
  const kind = role === 'promoter' ? 'Role' : 'ClusterRole'
  await api.create(roleKind('RoleBinding'), {
    ...{ apiVersion: rbac, kind: 'RoleBinding', metadata: { namespace, name: person } },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: role },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: person }],
  })
}

function roleKind(kind: 'Role' | 'RoleBinding'): Resource {
  return { apiVersion: rbac, kind, plural: `${kind.toLowerCase()}s`, namespaced: true }
}

function clusterKind(apiVersion: string, kind: string): Resource {
  const plural = `${kind.toLowerCase()}s`.replace('policys', 'policies')
  return { apiVersion, kind, plural, namespaced: false }
}

const ignore = () => undefined

/** As the controller would say it, so that there is something to promote. */
const onTrial = {
  decision: 3,
  phase: 'Progressing',
  stable: { revision: '5d8f22aa01' },
  canary: { revision: '77ab01cdef' },
  step: 0,
  since: '2026-01-01T00:04:00Z',
}
