// What happened, as a number that two equal runs share and, when asked for, as lines for people.

export interface Trace {
  /** Part of the hash. */
  mark(text: string): void
  /** A line for people; built only when somebody reads it. */
  note(line: () => string): void
  hash(): string
  readonly lines: readonly Line[]
}

export interface Line {
  readonly at: number
  readonly text: string
}

export function createTrace(now: () => number, isTold: boolean): Trace {
  const lines: Line[] = []
  let hash = 0x811c9dc5
  return {
    lines,
    mark(text) {
      for (let i = 0; i < text.length; i += 1) {
        hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
      }
      hash = Math.imul(hash ^ (now() | 0), 0x01000193)
    },
    note(line) {
      if (isTold) lines.push({ at: now(), text: line() })
    },
    hash: () => (hash >>> 0).toString(16).padStart(8, '0'),
  }
}
