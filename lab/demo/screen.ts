// Lines for people: what happens, when, and how each revision fares. Colours only on a terminal.

export interface Screen {
  /** A headline of the story. */
  title(text: string): void
  /** One thing that happened. */
  say(text: string): void
  /** A decision of Sluice, with its reason. */
  decision(name: string, phase: string, because: string): void
  /** How the traffic is split now and how it fares. */
  traffic(rows: readonly TrafficRow[]): void
  text(text: string): void
}

export interface TrafficRow {
  readonly label: string
  readonly weight: number
  readonly requests: number
  readonly failed: number
}

const barWidth = 10
const widest = 100
const indent = ' '.repeat(7)

export function createScreen(
  stream: NodeJS.WriteStream,
  { now, environment }: { now: () => number; environment: NodeJS.ProcessEnv },
): Screen {
  const isColoured = stream.isTTY && !environment['NO_COLOR']
  const paint = (code: number, text: string) => (isColoured ? `\x1b[${code}m${text}\x1b[0m` : text)
  const startedAt = now()
  const clock = () => paint(90, `${((now() - startedAt) / 1_000).toFixed(1).padStart(5)}s `)
  const line = (text: string) => stream.write(`${text}\n`)
  return {
    title: (text) => line(`\n${paint(1, text)}`),
    say: (text) => line(`${clock()} ${text}`),
    decision(name, phase, because) {
      const code = phase === 'Aborted' ? 31 : phase === 'Stable' ? 32 : 36
      const width = Math.min(stream.columns ?? widest, widest) - indent.length
      const [first = '', ...rest] = wrap(`${name} ${phase}: ${because}`, width)
      const head = `${name} ${phase}`
      line(
        `${clock()} ${first.startsWith(head) ? paint(code, head) + first.slice(head.length) : first}`,
      )
      for (const more of rest) line(`${indent}${more}`)
    },
    traffic(rows) {
      const shown = rows.map(({ label, weight, requests, failed }) => {
        const filled = '█'.repeat(Math.round((weight / 100) * barWidth))
        const rate = requests === 0 ? '   –   ' : `${((1 - failed / requests) * 100).toFixed(1)} %`
        const good = requests > 0 && failed / requests > 0.01 ? 31 : 32
        return `${label} ${String(weight).padStart(3)} % ${filled.padEnd(barWidth, '░')} ${paint(good, rate.padStart(7))} of ${requests}`
      })
      line(`${clock()} ${shown.join('   ')}`)
    },
    text: (text) => line(text),
  }
}

/** Lines of at most `width` characters, broken between words. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (longer.length > width && line !== '') {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line]
}
