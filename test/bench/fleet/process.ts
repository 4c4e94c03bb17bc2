// The bundle that is shipped, run as the image runs it: flags in; memory, processor time and readiness out.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Measured {
  /** From the start of the process until it is ready and leads, s. */
  readonly warmStartSeconds: number
  rssMiB(): Promise<number>
  /** Since the start, user and system. */
  cpuSeconds(): Promise<number>
  stop(): Promise<void>
}

const bundle = join(import.meta.dirname, '..', '..', '..', 'dist', 'controller.mjs')
const pollMs = 10
// USER_HZ of Linux.
const ticksPerSecond = 100

export async function startMeasured(options: {
  readonly flags: readonly string[]
  readonly logPath: string
}): Promise<Measured> {
  const startedAtMs = Date.now()
  // As in the Dockerfile.
  const child = spawn(process.execPath, ['--max-semi-space-size=16', bundle, ...options.flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  const ended = once(child, 'exit')
  const log = createWriteStream(options.logPath)
  const status = Promise.withResolvers<string>()
  const leads = Promise.withResolvers<void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    log.write(`${line}\n`)
    if (line.includes('"msg":"started"')) status.resolve(JSON.parse(line).status)
    if (line.includes('"msg":"leading"')) leads.resolve()
  })
  const failed = ended.then(([code]) => {
    throw new Error(`the controller ended with ${code}`)
  })
  failed.catch(() => undefined)
  await Promise.race([Promise.all([untilReady(await status.promise), leads.promise]), failed])
  const stat = (file: string) => readFile(`/proc/${child.pid}/${file}`, 'utf8')
  return {
    warmStartSeconds: (Date.now() - startedAtMs) / 1_000,
    async rssMiB() {
      const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(await stat('status')) ?? []
      return Number(kilobytes) / 1_024
    },
    async cpuSeconds() {
      const text = await stat('stat')
      // The name of the program, which may hold anything, ends with the last parenthesis.
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
      return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
    },
    async stop() {
      child.kill('SIGTERM')
      await ended
      process.off('exit', kill)
      log.end()
    },
  }
}

async function untilReady(url: string): Promise<void> {
  for (;;) {
    const response = await fetch(`${url}/readyz`).catch(() => null)
    await response?.arrayBuffer()
    if (response?.ok) return
    await sleep(pollMs)
  }
}
