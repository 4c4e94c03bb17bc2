// A program and its flags in, a process with a log file out. It never outlives this process.
import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'

export interface Program {
  /** How it ended, or null while it runs. */
  ended(): string | null
  /** SIGTERM, then SIGKILL; resolves when it is gone. */
  stop(): Promise<void>
  /** The last lines it wrote, for an error message. */
  tail(): Promise<string>
}

const stopLimitMs = 5_000

export function startProgram(options: {
  readonly path: string
  readonly flags: readonly string[]
  readonly logPath: string
}): Program {
  const { path, flags, logPath } = options
  const log = createWriteStream(logPath)
  const child = spawn(path, [...flags], { stdio: ['ignore', 'pipe', 'pipe'], env: {} })
  child.stdout.pipe(log, { end: false })
  child.stderr.pipe(log, { end: false })
  let end: string | null = null
  const gone = new Promise<void>((resolve) => {
    const settle = (how: string) => {
      end = how
      process.off('exit', kill)
      log.end(resolve)
    }
    child.once('exit', (code, signal) => settle(signal ?? `exit code ${code}`))
    child.once('error', (error) => settle(error.message))
  })
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  return {
    ended: () => end,
    async stop() {
      if (end === null) child.kill('SIGTERM')
      const limit = setTimeout(kill, stopLimitMs)
      await gone
      clearTimeout(limit)
    },
    async tail() {
      const text = await readFile(logPath, 'utf8').catch(() => '')
      return text.trimEnd().split('\n').slice(-15).join('\n')
    },
  }
}
