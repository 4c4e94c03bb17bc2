// Durations as users write them ⇄ milliseconds. The units are those that CEL's duration() reads too.

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const
const readableMs = { d: 86_400_000, ...unitMs } as const
const maxMs = 365 * readableMs.d

/** Milliseconds of a duration such as `1h30m`; the schema has already refused anything else. */
export function durationMs(text: string): number {
  const ms = parse(text)
  if (ms === null) throw new Error(`"${text}" is not a duration such as 500ms, 30s or 1h30m`)
  return ms
}

export function isDuration(text: string): boolean {
  return parse(text) !== null
}

/** The shortest text for people, at most two units: `3d4h`, `1h30m`, `45s`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return ms <= 0 ? '0s' : `${Math.round(ms)}ms`
  const parts: string[] = []
  let rest = Math.round(ms / 1_000) * 1_000
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const count = Math.floor(rest / readableMs[unit])
    rest -= count * readableMs[unit]
    if (count > 0) parts.push(`${count}${unit}`)
  }
  return parts.slice(0, 2).join('')
}

const onePart = /([0-9]{1,9})(ms|s|m|h)/y

function parse(text: string): number | null {
  let total = 0
  onePart.lastIndex = 0
  while (onePart.lastIndex < text.length) {
    const part = onePart.exec(text)
    if (!part) return null
    total += Number(part[1]) * unitMs[part[2] as keyof typeof unitMs]
  }
  return text.length > 0 && total <= maxMs ? total : null
}
