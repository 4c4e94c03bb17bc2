// What people type, against any API server that the lab or the end-to-end suite can start.
import assert from 'node:assert/strict'
import { execFile, spawn, spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { widgetCrd } from '../../lab/apiserver/testing.ts'

export interface KubectlSubject {
  /** Of an administrator; its namespace is `default`. */
  readonly kubeconfigPath: string
  /** For the cache of discovery. */
  readonly directory: string
  close(): Promise<void>
}

/** Registers the suite. `open` is called once; it serves the definitions of Sluice and of a mesh. */
export function kubectlContract(name: string, open: () => Promise<KubectlSubject>): void {
  const isMissing = spawnSync('kubectl', ['version', '--client']).status !== 0
  const skip = isMissing ? 'kubectl is not on PATH' : false
  test(`kubectl works unchanged with ${name}`, { skip, timeout: 120_000 }, async (t) => {
    const subject = await open()
    t.after(() => subject.close())
    for (const step of steps) {
      await t.test(step.name, async () => {
        const result = await perform(subject, step)
        assert.match(step.fails ? result.err : result.out, step.shows, JSON.stringify(result))
        assert.equal(result.code !== 0, step.fails === true, JSON.stringify(result))
      })
    }
    await t.test('get -w shows a change as it happens', () => watchOne(subject))
    await kubectl(subject, ['delete', 'pod/web', 'widget/a', 'crd/widgets.test.dev'])
  })
}

interface Result {
  readonly code: number
  readonly out: string
  readonly err: string
}

interface Step {
  readonly name: string
  readonly run: string
  readonly input?: string
  readonly shows: RegExp
  readonly fails?: true
  /** A server publishes a new kind a moment after it has taken its definition. */
  readonly isEventual?: true
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
    shows: /widgets.test.dev (created|configured)/,
  },
  {
    name: 'its kind is discovered',
    run: 'api-resources',
    isEventual: true,
    shows: /widgets +wd +test.dev\/v1 +true +Widget/,
  },
  {
    name: 'fields are explained',
    run: 'explain widget.spec',
    isEventual: true,
    shows: /mode\t<string>[\s\S]*How it runs/,
  },
  {
    name: 'fields of items are explained',
    run: 'explain widget.spec.steps',
    isEventual: true,
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
    shows: /NAME +READY +STATUS +RESTARTS +AGE\nweb +\d\/1 +(Pending|Running) +0 +/,
  },
  {
    name: 'a pod is described',
    run: 'describe pod web',
    shows: /web:\n( +Container ID: *\n)? +Image: +x/,
  },
  {
    name: 'a missing object',
    run: 'get rs nope',
    shows: /replicasets.apps "nope" not found/,
    fails: true,
  },
  {
    name: 'get all follows categories',
    run: 'get all -o name',
    shows: /pod\/web\n[\s\S]*widget.test.dev\/a/,
  },
]

async function perform(subject: KubectlSubject, step: Step): Promise<Result> {
  for (let attempts = step.isEventual ? 20 : 1; ; attempts -= 1) {
    const result = await kubectl(subject, step.run.split(' '), step.input)
    if (attempts === 1 || step.shows.test(result.out)) return result
    await sleep(250)
  }
}

function kubectl(subject: KubectlSubject, args: readonly string[], input = ''): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile(
      'kubectl',
      [...flagsOf(subject), ...args],
      { timeout: 10_000 },
      (error, out, err) => resolve({ code: error ? 1 : 0, out, err: err + (error ? out : '') }),
    )
    child.stdin?.end(input)
  })
}

/** Starts a watch, changes the object once it is shown, and waits for the row that shows the change. */
async function watchOne(subject: KubectlSubject): Promise<void> {
  const args = [...flagsOf(subject), 'get', 'wd', '-w', '--no-headers']
  const child = spawn('kubectl', args, { timeout: 20_000 })
  let changed: Promise<Result> | null = null
  let shown = ''
  for await (const chunk of child.stdout) {
    shown += String(chunk)
    if (/^a +9 /m.test(shown)) break
    if (/^a /m.test(shown))
      changed ??= kubectl(subject, ['scale', 'widget', 'a', '--replicas', '9'])
  }
  child.kill()
  await changed
  assert.match(shown, /^a +9 /m)
}

function flagsOf({ kubeconfigPath, directory }: KubectlSubject): string[] {
  return [`--kubeconfig=${kubeconfigPath}`, `--cache-dir=${directory}/cache`]
}
