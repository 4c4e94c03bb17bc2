// Rows and branches in, text for a terminal of some width out. Pure.
import { displayWidth, split } from './display-width.ts'

/** Colours by meaning; without colours the text is the same. */
export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'dim' | 'strong'

export interface Style {
  /** Columns of the terminal; null when the output is no terminal and nothing is cut. */
  readonly width: number | null
  readonly hasColour: boolean
}

export interface Cell {
  readonly text: string
  readonly tone?: Tone | undefined
}

export interface Column {
  readonly title: string
  /** Columns with the greatest number go first when the terminal is too narrow; 0 always stays. */
  readonly dispensable: number
  readonly cells: readonly Cell[]
}

const gap = '  '
const leastLast = 20

/** The last column takes what is left and is cut there; columns are dropped until that is readable. */
export function renderTable(columns: readonly Column[], style: Style): string {
  return tablePrinter(style)(columns)
}

/** Gives rows that come later the columns and widths of the first ones; the head is written once. */
export function tablePrinter(style: Style): (columns: readonly Column[]) => string {
  let layout: ReadonlyMap<string, number> | null = null
  return (columns) => {
    const isFirst = layout === null
    const known = layout
    const kept = known
      ? columns.filter(({ title }) => known.has(title))
      : fitting(columns, style.width)
    const widths = kept.map((column) => known?.get(column.title) ?? columnWidth(column))
    layout = new Map(kept.map(({ title }, i) => [title, widths[i] ?? 0]))
    const before = widths.slice(0, -1).reduce((total, width) => total + width + gap.length, 0)
    const rest = style.width === null ? null : style.width - before
    const rows = kept[0]?.cells.map((_, i) => kept.map(({ cells }) => cells[i] ?? { text: '' }))
    const head = isFirst ? [kept.map(({ title }) => ({ text: title }))] : []
    return [...head, ...(rows ?? [])]
      .map((row) => `${line(row, { widths, rest, style })}\n`)
      .join('')
  }
}

interface Layout {
  readonly widths: readonly number[]
  /** What is left for the last column. */
  readonly rest: number | null
  readonly style: Style
}

function line(row: readonly Cell[], { widths, rest, style }: Layout): string {
  const last = row.length - 1
  return row
    .map((cell, i) => {
      if (i === last) return paint({ ...cell, text: cut(cell.text, rest) }, style)
      return (
        paint(cell, style) + ' '.repeat(Math.max(0, (widths[i] ?? 0) - displayWidth(cell.text)))
      )
    })
    .join(gap)
    .trimEnd()
}

function fitting(columns: readonly Column[], width: number | null): readonly Column[] {
  if (width === null) return columns
  const wanted = Math.max(leastLast, Math.floor(width * 0.3))
  const rank = Math.max(...columns.map((column) => column.dispensable))
  const last = columns.at(-1)
  const needed = Math.min(wanted, last ? columnWidth(last) : 0)
  if (rank === 0 || width - widthBefore(columns) >= needed) return columns
  return fitting(
    columns.filter((column) => column.dispensable !== rank),
    width,
  )
}

function widthBefore(columns: readonly Column[]): number {
  return columns.slice(0, -1).reduce((total, column) => total + columnWidth(column) + gap.length, 0)
}

function columnWidth({ title, cells }: Column): number {
  return Math.max(displayWidth(title), ...cells.map((cell) => displayWidth(cell.text)))
}

export interface Branch {
  readonly label: string
  readonly tone?: Tone | undefined
  /** Marks the line, such as `✓`. */
  readonly mark?: Cell
  readonly text?: string | undefined
  readonly branches?: readonly Branch[]
}

/** A heading and its branches; a text too long for the width goes on below its own beginning. */
export function renderTree(root: Branch, style: Style): string {
  const heading = [paint({ text: root.label, tone: 'strong' }, style), root.text]
  return `${heading.filter(Boolean).join(' ')}\n${below(root.branches ?? [], '', style)}`
}

function below(branches: readonly Branch[], indent: string, style: Style): string {
  const widest = Math.max(0, ...branches.map(({ label }) => displayWidth(label)))
  return branches
    .map((branch, i) => {
      const isLast = i === branches.length - 1
      const trunk = indent + (isLast ? '   ' : '│  ')
      const mark = branch.mark ? `${paint(branch.mark, style)} ` : ''
      const label = paint({ text: branch.label, tone: branch.tone }, style)
      const filler = branch.text ? ' '.repeat(widest - displayWidth(branch.label) + 2) : ''
      const before = displayWidth(trunk) + (branch.mark ? displayWidth(branch.mark.text) + 1 : 0)
      const start = before + (branch.text ? widest + 2 : 0)
      const lines = wrap(branch.text ?? '', style.width === null ? null : style.width - start)
      const hasMore = (branch.branches?.length ?? 0) > 0
      const hang = `${trunk}${hasMore ? '│' : ''}`.padEnd(start)
      const first = `${indent}${isLast ? '└─ ' : '├─ '}${mark}${label}${filler}${lines[0] ?? ''}`
      const more = lines.slice(1).map((line) => `${hang}${line}`)
      return `${[first, ...more].join('\n')}\n${below(branch.branches ?? [], trunk, style)}`
    })
    .join('')
}

function wrap(text: string, width: number | null): string[] {
  if (width === null) return [text]
  const most = Math.max(leastLast, width)
  const lines: string[] = []
  let line: string | null = null
  // Only runs of a single space are broken, so that aligned columns stay whole.
  for (const word of text.split(/(?<! ) (?! )/)) {
    const longer: string = line === null ? word : `${line} ${word}`
    if (displayWidth(longer) > most && line !== null) {
      lines.push(line)
      line = word
    } else line = longer
    // A word that is longer than a line goes on below, rather than past the edge.
    while (displayWidth(line) > most) {
      const [fits, rest]: readonly [string, string] = split(line, most)
      lines.push(fits)
      line = rest
    }
  }
  return [...lines, line ?? '']
}

const codes: Readonly<Record<Tone, string>> = {
  good: '32',
  busy: '36',
  warn: '33',
  bad: '31',
  dim: '2',
  strong: '1',
}

function paint({ text, tone }: Cell, { hasColour }: Style): string {
  return tone && hasColour && text !== '' ? `\x1b[${codes[tone]}m${text}\x1b[0m` : text
}

export function cut(text: string, width: number | null): string {
  if (width === null || displayWidth(text) <= width) return text
  return `${split(text, width - 1)[0].trimEnd()}…`
}

/** Text of others on one line and without control characters, which could rewrite the terminal. */
export function printable(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\p{Cc}\p{Cf}]/gu, '')
}
