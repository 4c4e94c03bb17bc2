// The lines of a run in, at most forty of them out: those that lead to what broke.
import type { Line } from './trace.ts'

const mostLines = 40

export function timeline(lines: readonly Line[], startMs = lines[0]?.at ?? 0): string {
  const told = lines.filter(
    ({ text }) =>
      !/^(kubelet|judged Running|judged Inconclusive: .*too early)|Lease|^get .*: 404/.test(text),
  )
  const chosen =
    told.length <= mostLines ? told : [...told.slice(0, 8), null, ...told.slice(8 - mostLines + 1)]
  return chosen
    .map((line) =>
      line === null ? '      …' : `${at(line.at - startMs)} ${line.text.slice(0, 220)}`,
    )
    .join('\n')
}

function at(ms: number): string {
  const seconds = (ms / 1_000).toFixed(1)
  return `${seconds}s`.padStart(9)
}
