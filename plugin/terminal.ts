// The terminal of the process in, a screen to draw on out. Whatever happens, it is given back as it was.
import type { Screen, Terminal } from './invocation.ts'

const enter = '\x1b[?1049h\x1b[?25l\x1b[?7l'
const leave = '\x1b[?7h\x1b[?25h\x1b[?1049l'
const ends = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Null when standard output is no terminal. */
export function createTerminal({ stdout, stdin }: NodeJS.Process): Terminal | null {
  if (!stdout.isTTY) return null
  return {
    open({ onResize, onKey }): Screen {
      const onData = (data: Buffer) => {
        for (const key of data.toString('utf8')) onKey(key)
      }
      const onEnd = () => onKey('\x03')
      const hasKeys = stdin.isTTY === true
      const close = () => {
        stdout.off('resize', onResize)
        stdin.off('data', onData)
        for (const end of ends) process.off(end, onEnd)
        process.off('exit', close)
        if (hasKeys) stdin.setRawMode(false).pause()
        stdout.write(leave)
      }
      stdout.write(enter)
      stdout.on('resize', onResize)
      for (const end of ends) process.on(end, onEnd)
      process.on('exit', close)
      if (hasKeys) stdin.setRawMode(true).on('data', onData).resume()
      return {
        size: () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 }),
        draw: (lines) =>
          // Cleared before it is written: behind a full line the cursor stands on its last character.
          stdout.write(`\x1b[H${lines.map((line) => `\x1b[K${line}`).join('\r\n')}\x1b[J`),
        close,
      }
    },
  }
}
