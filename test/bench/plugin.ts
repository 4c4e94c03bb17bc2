// npm run bench:plugin [-- --json --runs N]: the bundled plugin against the API server of the lab in, medians of
// start to first byte, of a list of 5,000 rollouts and the size of the bundle out. kubectl is measured beside it.
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type ApiServer, startApiServer } from '../../lab/apiserver/server.ts'
import { buildPlugin } from '../../plugin/bundle/build.ts'
import { rollout } from '../fixtures/rollout.ts'

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, runs: { type: 'string', default: '21' } },
})
const runs = Math.max(15, Math.min(1_000, Number(values.runs) || 21))
const fewCount = 20
const manyCount = 5_000
const say = (text: string) => {
  if (!values.json) process.stdout.write(`${text}\n`)
}

const folder = await mkdtemp(join(tmpdir(), 'bench-plugin-'))
const crd = await readFile(new URL('../../crds/rollouts.yaml', import.meta.url), 'utf8')
const api = await startApiServer({ crds: [crd] })
try {
  const program = join(folder, 'kubectl-sluice')
  const { bytes } = await buildPlugin(program)
  await fill(api, 'few', fewCount)
  const few = await kubeconfig('few')
  const getMs = await medianOf([process.execPath, program, 'get', '--kubeconfig', few], 'firstMs')
  say(`get, start to first byte: ${getMs} ms (Node ${process.version})`)
  const cache = ['--cache-dir', join(folder, 'cache')]
  const kubectl = ['kubectl', 'get', 'rollouts.sluice.dev', '--kubeconfig', few, ...cache]
  const kubectlGetMs = await medianOf(kubectl, 'firstMs').catch(() => null)
  say(`kubectl get, start to first byte: ${kubectlGetMs ?? 'kubectl is not there'} ms`)
  await fill(api, 'many', manyCount)
  const many = await kubeconfig('many')
  const list5000Ms = await medianOf(
    [process.execPath, program, 'get', '--kubeconfig', many],
    'wholeMs',
  )
  say(`get of ${manyCount} rollouts, start to end: ${list5000Ms} ms`)
  const bundleKB = Math.ceil(bytes / 1_000)
  say(`bundle: ${bundleKB} kB\n`)
  process.stdout.write(`${JSON.stringify({ getMs, kubectlGetMs, bundleKB, list5000Ms })}\n`)
} finally {
  await api.close()
  await rm(folder, { recursive: true, force: true })
}

async function fill({ url }: ApiServer, namespace: string, count: number): Promise<void> {
  await post(`${url}/api/v1/namespaces`, { metadata: { name: namespace } })
  const { status: _, ...object } = rollout()
  const path = `${url}/apis/sluice.dev/v1alpha1/namespaces/${namespace}/rollouts`
  for (let i = 0; i < count; i++) {
    const name = `service-${String(i).padStart(4, '0')}`
    await post(path, { ...object, metadata: { name, namespace } })
  }
}

async function post(url: string, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`the API server of the lab said: ${await answer.text()}`)
  await answer.body?.cancel()
}

async function kubeconfig(namespace: string): Promise<string> {
  const path = join(folder, `${namespace}.json`)
  await writeFile(
    path,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'lab',
      contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'lab', namespace } }],
      clusters: [{ name: 'lab', cluster: { server: api.url } }],
      users: [{ name: 'lab', user: {} }],
    }),
  )
  return path
}

interface Timing {
  readonly firstMs: number
  readonly wholeMs: number
}

/** One run more than counted: the first one fills caches. */
async function medianOf(command: readonly string[], what: keyof Timing): Promise<number> {
  await time(command)
  const times: number[] = []
  for (let i = 0; i < runs; i++) times.push((await time(command))[what])
  return Number((times.toSorted((a, b) => a - b)[Math.floor(runs / 2)] ?? 0).toFixed(1))
}

function time([file = '', ...argv]: readonly string[]): Promise<Timing> {
  return new Promise((resolve, reject) => {
    const begun = performance.now()
    const child = spawn(file, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
    let firstMs = 0
    child.stdout.on('data', () => {
      firstMs ||= performance.now() - begun
    })
    child.on('error', reject)
    child.on('close', (code) => {
      if (code !== 0) reject(new Error(`${file} ${argv[0]} ended with ${code}`))
      else resolve({ firstMs, wholeMs: performance.now() - begun })
    })
  })
}
