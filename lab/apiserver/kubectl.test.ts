import assert from 'node:assert/strict'
import { execFile, spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readCrdFolders } from './crd-files.ts'
import { type ApiServer, startApiServer } from './server.ts'
import { widgetCrd } from './testing.ts'

const isMissing = spawnSync('kubectl', ['version', '--client']).status !== 0
const skip = isMissing ? 'kubectl is not on PATH' : false

interface Lab {
  readonly server: ApiServer
  readonly folder: string
  /** Fulfilled when the first watch of widgets is open. */
  readonly watching: Promise<void>
}

interface Result {
  readonly code: number
  readonly out: string
  readonly err: string
}

test('kubectl works unchanged', { skip, timeout: 30_000 }, async (t) => {
  const lab = await startLab()
  t.after(async () => {
    await lab.server.close()
    await rm(lab.folder, { recursive: true, force: true })
  })
  for (const step of steps) {
    await t.test(step.name, async () => {
      const result = await kubectl(lab, step.run.split(' '), step.input)
      assert.match(step.fails ? result.err : result.out, step.shows, JSON.stringify(result))
      assert.equal(result.code !== 0, step.fails === true, JSON.stringify(result))
    })
  }
  await t.test('get -w shows a change as it happens', () => watchOne(lab))
})

async function startLab(): Promise<Lab> {
  const { promise: watching, resolve } = Promise.withResolvers<void>()
  const top = join(import.meta.dirname, '../..')
  const crds = await readCrdFolders(join(top, 'crds'), join(top, 'lab/crds'))
  const server = await startApiServer({
    crds,
    onRequest: ({ verb, resource }) => {
      if (verb === 'watch' && resource === 'widgets') resolve()
    },
  })
  const folder = await mkdtemp(join(tmpdir(), 'lab-kubectl-'))
  await writeFile(join(folder, 'config'), kubeconfig(server.url))
  return { server, folder, watching }
}

interface Step {
  readonly name: string
  readonly run: string
  readonly input?: string
  readonly shows: RegExp
  readonly fails?: true
}

const widget = (spec: string) => `
apiVersion: test.dev/v1
kind: Widget
metadata: { name: a, namespace: default }
spec: ${spec}`

const pod = `
apiVersion: v1
kind: Pod
metadata: { name: web, labels: { app: web } }
spec: { containers: [{ name: web, image: nginx }] }`

const ssa = 'apply --server-side --field-manager'

const rollout = `
apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata: { name: checkout }
spec:
  selector: { matchLabels: { app: checkout } }
  template: { metadata: { labels: { app: checkout } }, spec: { containers: [] } }
  traffic: { istio: { host: checkout } }
  canary: { steps: [{ weight: 50 }, { weight: 5 }] }`

const steps: readonly Step[] = [
  {
    name: 'a Rollout is explained',
    run: 'explain rollout.spec.canary.steps',
    shows: /weight\t<integer> -required-\n +Percent of traffic/,
  },
  {
    name: 'rules of a Rollout hold',
    run: 'apply -f -',
    input: rollout,
    shows: /spec.canary.steps: Invalid value: .*weights must not fall/,
    fails: true,
  },
  { name: 'routes of Istio are kinds here', run: 'get vs,dr', shows: /^$/ },
  {
    name: 'a definition is applied',
    run: 'apply -f -',
    input: widgetCrd,
    shows: /widgets.test.dev created/,
  },
  {
    name: 'its kind is discovered',
    run: 'api-resources',
    shows: /widgets +wd +test.dev\/v1 +true +Widget/,
  },
  {
    name: 'fields are explained',
    run: 'explain widget.spec',
    shows: /mode\t<string>[\s\S]*How it runs/,
  },
  {
    name: 'fields of items are explained',
    run: 'explain widget.spec.steps',
    shows: /weight\t<integer> -required-/,
  },
  {
    name: 'an object is applied',
    run: 'apply -f -',
    input: widget('{ mode: fast, steps: [{ weight: 5 }] }'),
    shows: /widget.test.dev\/a created/,
  },
  {
    name: 'the same again changes nothing',
    run: 'apply -f -',
    input: widget('{ mode: fast, steps: [{ weight: 5 }] }'),
    shows: /widget.test.dev\/a unchanged/,
  },
  {
    name: 'a difference is shown',
    run: 'diff -f -',
    input: widget('{ mode: slow, steps: [{ weight: 5 }] }'),
    shows: /./,
    fails: true,
  },
  {
    name: 'unknown fields are refused by name',
    run: 'apply -f -',
    input: widget('{ wrong: 1 }'),
    shows: /unknown field "spec.wrong"/,
    fails: true,
  },
  {
    name: 'invalid values are refused by path',
    run: 'apply -f -',
    input: widget('{ replicas: 101 }'),
    shows: /spec.replicas: Invalid value: 101: .*less than or equal to 100/,
    fails: true,
  },
  {
    name: 'get prints the columns of the definition',
    run: 'get wd',
    shows: /NAME +SIZE +READY\na +1 +/,
  },
  {
    name: 'get -o yaml prints the object with its defaults',
    run: 'get widget a -o yaml',
    shows: /mode: fast\n +replicas: 1/,
  },
  { name: 'describe prints the object', run: 'describe widget a', shows: /Kind: +Widget/ },
  {
    name: 'a merge patch',
    run: 'patch widget a --type merge -p {"spec":{"mode":"slow"}}',
    shows: /patched/,
  },
  {
    name: 'a JSON patch',
    run: 'patch widget a --type json -p [{"op":"test","path":"/spec/mode","value":"slow"},{"op":"remove","path":"/spec/mode"}]',
    shows: /patched/,
  },
  {
    name: 'a patch of the status',
    run: 'patch widget a --subresource status --type merge -p {"status":{"replicas":3}}',
    shows: /patched/,
  },
  { name: 'scale', run: 'scale widget a --replicas 7', shows: /scaled/ },
  { name: 'label', run: 'label widget a tier=gold', shows: /labeled/ },
  {
    name: 'selectors by label',
    run: 'get wd -l tier=gold -o name',
    shows: /^widget.test.dev\/a\n$/,
  },
  { name: 'annotate', run: 'annotate widget a note=x', shows: /annotated/ },
  { name: 'delete', run: 'delete widget a', shows: /deleted/ },
  {
    name: 'server-side apply creates',
    run: `${ssa} one -f -`,
    input: widget('{ mode: fast, port: 80 }'),
    shows: /serverside-applied/,
  },
  {
    name: 'a field that is no longer applied',
    run: `${ssa} one -f -`,
    input: widget('{ mode: fast }'),
    shows: /serverside-applied/,
  },
  {
    name: '... goes',
    run: 'get widget a -o jsonpath={.spec}',
    shows: /^\{"mode":"fast","replicas":1\}$/,
  },
  {
    name: 'another manager is refused',
    run: `${ssa} two -f -`,
    input: widget('{ mode: slow }'),
    shows: /conflict with "one": .spec.mode/,
    fails: true,
  },
  {
    name: '... unless forced',
    run: `${ssa} two --force-conflicts -f -`,
    input: widget('{ mode: slow }'),
    shows: /serverside-applied/,
  },
  { name: 'a dry run', run: 'delete widget a --dry-run=server', shows: /dry run/ },
  { name: '... changes nothing', run: 'get widget a -o name', shows: /widget.test.dev\/a/ },
  { name: 'a pod is created', run: 'create -f -', input: pod, shows: /pod\/web created/ },
  {
    name: 'a strategic patch merges containers by name',
    run: 'patch pod web -p {"spec":{"containers":[{"name":"web","image":"x"}]}}',
    shows: /patched/,
  },
  {
    name: 'pods print as people know them',
    run: 'get pods',
    shows: /NAME +READY +STATUS +RESTARTS +AGE\nweb +0\/1 +Pending +0 +/,
  },
  { name: 'a pod is described', run: 'describe pod web', shows: /web:\n +Image: +x/ },
  {
    name: 'a missing object',
    run: 'get rs nope',
    shows: /replicasets.apps "nope" not found/,
    fails: true,
  },
  {
    name: 'get all follows categories',
    run: 'get all -o name',
    shows: /pod\/web\nwidget.test.dev\/a/,
  },
]

function kubectl(lab: Lab, args: readonly string[], input = ''): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile(
      'kubectl',
      [`--kubeconfig=${lab.folder}/config`, `--cache-dir=${lab.folder}/cache`, ...args],
      { timeout: 10_000 },
      (error, out, err) => resolve({ code: error ? 1 : 0, out, err: err + (error ? out : '') }),
    )
    child.stdin?.end(input)
  })
}

/** Starts a watch, changes the object once the watch is open, and waits for the row that shows it. */
async function watchOne(lab: Lab): Promise<void> {
  const args = [`--kubeconfig=${lab.folder}/config`, `--cache-dir=${lab.folder}/cache`]
  const child = spawn('kubectl', [...args, 'get', 'wd', '-w', '--no-headers'], { timeout: 10_000 })
  const changed = lab.watching.then(() => kubectl(lab, ['scale', 'widget', 'a', '--replicas', '9']))
  let shown = ''
  for await (const chunk of child.stdout) {
    shown += String(chunk)
    if (/^a +9 /m.test(shown)) break
  }
  child.kill()
  await changed
  assert.match(shown, /^a +9 /m)
}

function kubeconfig(url: string): string {
  return `
apiVersion: v1
kind: Config
clusters: [{ name: lab, cluster: { server: "${url}" } }]
users: [{ name: lab, user: {} }]
contexts: [{ name: lab, context: { cluster: lab, user: lab } }]
current-context: lab
`
}
