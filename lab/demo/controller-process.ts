// The controller as users run it: its own process, told only by flags. Its log goes to a file.
import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

export interface ControllerProcess {
  readonly logPath: string
  /** Resolves when the process has ended, with its exit code or signal. */
  readonly ended: Promise<string>
  /** SIGTERM, then waits: the process gives its lease away. */
  stop(): Promise<void>
  /** SIGKILL for a crash, SIGSTOP and SIGCONT for a machine that sleeps. */
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void
  /** The last lines of the log, for an error message. */
  tail(): Promise<string>
}

const stopLimitMs = 5_000

export function startController(options: {
  readonly logPath: string
  readonly flags: readonly string[]
}): ControllerProcess {
  const { logPath } = options
  const program = fileURLToPath(new URL('../../controller/main.ts', import.meta.url))
  const child = spawn(process.execPath, [program, ...options.flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const log = createWriteStream(logPath)
  child.stdout.pipe(log, { end: false })
  child.stderr.pipe(log, { end: false })
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
    child.once('error', (error) => resolve(error.message))
  })
  return {
    logPath,
    ended,
    signal: (name) => void child.kill(name),
    async stop() {
      child.kill('SIGTERM')
      const limit = setTimeout(() => child.kill('SIGKILL'), stopLimitMs)
      await ended
      clearTimeout(limit)
      log.end()
    },
    async tail() {
      const text = await readFile(logPath, 'utf8').catch(() => '')
      return text.trimEnd().split('\n').slice(-12).join('\n')
    },
  }
}
