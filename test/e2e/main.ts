// `npm run e2e`: a real control plane in, the outcome of the files named *.e2e.ts out.
// Flags: --cold builds the programs again, --keep leaves the directory, --router selects routers of the traffic
// suite, --json ends with its accounts; other words select files by name.
import { spawn } from 'node:child_process'
import { glob, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../../kube/clock.ts'
import { startNodes } from '../../lab/nodes/start.ts'
import { createRandom } from '../../lab/random.ts'
import { type Binaries, findBinaries } from './binaries.ts'
import { startControlPlane } from './control-plane.ts'
import { connectTo, type Description, variable } from './current.ts'
import { install, readDefinitions } from './definitions.ts'
import { describeAccount, full, orderVariable, readAccounts, small } from './traffic/order.ts'

const say = (line: string) => void process.stderr.write(`e2e: ${line}\n`)

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      cold: { type: 'boolean' },
      keep: { type: 'boolean' },
      router: { type: 'string', default: '' },
      json: { type: 'boolean' },
    },
  })
  const isCold = values.cold === true
  const binaries = await findBinaries({ environment: process.env, onProgress: say, isCold })
  if (typeof binaries === 'string') {
    say(`SKIPPED, NOTHING WAS PROVEN: ${binaries}`)
    process.stdout.write('ℹ pass 0\nℹ fail 0\nℹ skipped 1\n')
    return 0
  }
  say(describe(binaries))
  const directory = await mkdtemp(join(tmpdir(), 'sluice-e2e-'))
  try {
    const { router } = values
    const code = await runOn({ binaries, directory, selection: positionals, router })
    const accounts = await readAccounts(directory)
    for (const account of accounts) say(describeAccount(account))
    if (values.json) process.stdout.write(`${JSON.stringify({ traffic: accounts })}\n`)
    return code
  } finally {
    if (values.keep) say(`kept ${directory}`)
    else await rm(directory, { recursive: true, force: true })
  }
}

function describe({ origins, buildSeconds }: Binaries): string {
  const found = Object.entries(origins).map(([program, origin]) => `${program} (${origin})`)
  return `${found.join(', ')}; ${buildSeconds} s of building`
}

interface RunOptions {
  readonly binaries: Binaries
  readonly directory: string
  readonly selection: readonly string[]
  readonly router: string
}

async function runOn(options: RunOptions): Promise<number> {
  const stack = new AsyncDisposableStack()
  try {
    return await runWith(stack, options)
  } finally {
    await stack.disposeAsync()
  }
}

async function runWith(stack: AsyncDisposableStack, options: RunOptions): Promise<number> {
  const { binaries, directory, selection } = options
  const users = { ada: ['developers'], grace: ['operators'], mallory: [] }
  const plane = await startControlPlane({ binaries, directory, users })
  stack.defer(() => plane.close())
  say(`control plane at ${plane.url} after ${plane.startSeconds.toFixed(1)} s`)
  const api = connectTo(plane)
  stack.defer(() => api.close())
  await install(api, await readDefinitions(process.env['SLUICE_MESH_CRDS']))
  const nodes = await startNodes({
    api,
    clock: systemClock,
    random: createRandom(1),
    runsReplicaSets: false,
    onError: (what, error) => say(`${what}: ${error instanceof Error ? error.message : error}`),
  })
  stack.defer(() => nodes.close())
  const { url, etcdUrl, token, authority, kubeconfigPath, userTokens, auditLogPath } = plane
  const description: Description = {
    ...{ url, etcdUrl, token, authority, kubeconfigPath, userTokens, auditLogPath, directory },
    helm: binaries.helm,
  }
  const path = join(directory, 'control-plane.json')
  await writeFile(path, JSON.stringify(description), { mode: 0o600 })
  const isAlone = selection.length === 1 && selection[0] === 'traffic'
  const order = { ...(isAlone ? full : small), router: options.router }
  return runFiles(await filesOf(selection), {
    [variable]: path,
    [orderVariable]: JSON.stringify(order),
  })
}

async function filesOf(selection: readonly string[]): Promise<string[]> {
  const found = await Array.fromAsync(glob('**/*.e2e.ts', { cwd: import.meta.dirname }))
  const all = found.sort((a, b) => Number(isLast(a)) - Number(isLast(b)) || (a < b ? -1 : 1))
  const isSelected = (file: string) => selection.some((word) => file.includes(word))
  const files = selection.length === 0 ? all : all.filter(isSelected)
  if (files.length === 0) throw new Error(`no file matches ${selection.join(' ')}`)
  return files.map((file) => join(import.meta.dirname, file))
}

/** It looks at what all others left in the audit log. */
const isLast = (file: string) => file === 'rights.e2e.ts'

/** One process per file, one after the other: each scenario has the machine for itself. */
function runFiles(
  files: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<number> {
  const flags = ['--test', '--test-concurrency=1', '--test-reporter=spec']
  const child = spawn(process.execPath, [...flags, ...files], {
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => child.kill(name))
  })
}

process.exitCode = await main(process.argv.slice(2))
