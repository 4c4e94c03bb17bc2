// The program: the real process in, its exit code out. Everything else takes a `World` instead.
import { homedir } from 'node:os'
import { Failure } from './failure.ts'
import { main } from './main.ts'
import { createTerminal } from './terminal.ts'

const { env, stdout, stderr, stdin } = process
const inputLimitBytes = 64 * 1024 * 1024

// A reader such as `head` may leave early; a full disk is another matter.
stdout.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
  if (code === 'EPIPE') process.exit(0)
  process.exitCode = 1
  stderr.write(`error: the output could not be written (${code})\n`)
})
stderr.on('error', () => undefined)

// Not awaited here: the executable is CommonJS, which can not. `main` never rejects.
const ended = main(process.argv.slice(2), {
  env,
  home: homedir(),
  style: {
    width: stdout.isTTY ? stdout.columns || 80 : null,
    hasColour: stdout.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
  },
  isInteractive: stdin.isTTY === true,
  now: Date.now,
  newId: () => crypto.randomUUID(),
  print: (text) => stdout.write(text),
  printError: (text) => stderr.write(text),
  sleep,
  readInput,
  terminal: env['TERM'] === 'dumb' ? null : createTerminal(process),
})
// What is written goes out first; a request that nobody waits for any more keeps nobody.
void ended.then((code) => {
  const leave = () => setImmediate(() => process.exit(process.exitCode ?? code))
  stdout.write('', () => stderr.write('', leave))
})

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
}

async function readInput(): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stdin) {
    chunks.push(Buffer.from(chunk))
    bytes += chunk.length
    if (bytes > inputLimitBytes) throw new Failure('standard input is larger than 64 MiB')
  }
  return Buffer.concat(chunks).toString('utf8')
}
