// A real Prometheus, found on PATH, as a child process on loopback with a directory of its own.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, constants, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { identityOf, type Target } from './scraper.ts'
import type { Metrics, MetricsOptions } from './server.ts'

/** Path of a program on PATH, or `null`. */
export async function findProgram(
  name: string,
  path: string | undefined = process.env['PATH'],
): Promise<string | null> {
  for (const directory of (path ?? '').split(delimiter)) {
    const file = join(directory, name)
    const isProgram = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (directory !== '' && isProgram) return file
  }
  return null
}

/**
 * Starts Prometheus and resolves once it is ready. `dataDirectory` holds blocks written before; it is
 * left alone at close. Rejects with the end of its log when it does not start.
 */
export async function startRealPrometheus(
  options: MetricsOptions & { program: string; dataDirectory?: string },
): Promise<Metrics> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-prometheus-'))
  const targetsFile = join(directory, 'targets.json')
  await writeTargets(targetsFile, options.targets())
  await writeFile(join(directory, 'prometheus.yml'), configuration(options.scrapeIntervalMs))
  const port = await freePort()
  const child = spawn(
    options.program,
    [
      `--config.file=${join(directory, 'prometheus.yml')}`,
      `--storage.tsdb.path=${options.dataDirectory ?? join(directory, 'data')}`,
      // Blocks of tests may be of any age.
      '--storage.tsdb.retention.time=100y',
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let log = ''
  child.on('error', (error) => {
    log += error.message
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString('utf8')).slice(-4_000)
  })
  const url = `http://127.0.0.1:${port}`
  const close = async () => {
    await stop(child)
    await rm(directory, { recursive: true, force: true })
  }
  if (!(await isReady(url, child))) {
    await close()
    throw new Error(`prometheus did not become ready: ${log}`)
  }
  let known = JSON.stringify(options.targets())
  const timer = setInterval(() => {
    const targets = options.targets()
    const next = JSON.stringify(targets)
    if (next === known) return
    known = next
    // A directory that is gone means that it is being closed.
    void writeTargets(targetsFile, targets).catch(() => {})
  }, options.scrapeIntervalMs)
  return {
    url,
    async close() {
      clearInterval(timer)
      await close()
    },
  }
}

function configuration(scrapeIntervalMs: number): string {
  return `global:
  scrape_interval: ${scrapeIntervalMs}ms
  scrape_timeout: ${Math.min(10_000, scrapeIntervalMs)}ms
scrape_configs:
  - job_name: lab
    file_sd_configs:
      - files: [targets.json]
        refresh_interval: 1s
`
}

/** Written beside and moved, so that Prometheus never reads half a file. */
async function writeTargets(file: string, targets: readonly Target[]): Promise<void> {
  const groups = targets.map((target) => {
    const { host, pathname, protocol, search } = new URL(target.url)
    if (search !== '') throw new Error(`a target can not carry a query string: ${target.url}`)
    return {
      targets: [host],
      labels: {
        ...identityOf(target),
        __metrics_path__: pathname,
        __scheme__: protocol.slice(0, -1),
      },
    }
  })
  await writeFile(`${file}.new`, JSON.stringify(groups))
  await rename(`${file}.new`, file)
}

async function isReady(url: string, child: ChildProcess): Promise<boolean> {
  const deadlineMs = Date.now() + 20_000
  while (Date.now() < deadlineMs && child.exitCode === null && child.pid !== undefined) {
    const isOk = await fetch(`${url}/-/ready`, { signal: AbortSignal.timeout(1_000) }).then(
      (response) => response.ok,
      () => false,
    )
    if (isOk) return true
    await sleep(50)
  }
  return false
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}
