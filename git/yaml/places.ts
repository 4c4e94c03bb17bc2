// A syntax node in; where it begins and ends in its text, in whole lines where edits need that (pure).
import { isMap, isScalar, isSeq, type Node, type Pair } from 'yaml'

export interface Splice {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** Why a field can not be changed in place; the sentence goes to a person. */
export class Unspliceable extends Error {}

export const keyOf = (pair: Pair) => (isScalar(pair.key) ? String(pair.key.value) : '')
export const keyStart = (pair: Pair | undefined) => startOf(pair?.key as Node | undefined)
export const startOf = (node: Node | null | undefined) => node?.range?.[0] ?? -1
export const isCollection = (value: unknown) => value !== null && typeof value === 'object'
export const eolOf = (text: string) => (/\r\n/.test(text) ? '\r\n' : '\n')
export const toEol = (piece: string, text: string) => piece.replaceAll(/\r?\n/g, eolOf(text))
export const columnAt = (text: string, offset: number) =>
  offset - (text.lastIndexOf('\n', offset - 1) + 1)

/** End of what is written for a node, without the comments and blank lines behind it. */
export function endOf(node: Node | null | undefined): number {
  if ((isMap(node) || isSeq(node)) && !node.flow) {
    const last = node.items.at(-1) as Pair | Node | undefined
    if (last && 'key' in last) return last.value ? valueEnd(last) : endOf(last.key as Node)
    return endOf(last as Node | undefined)
  }
  return node?.range?.[1] ?? -1
}

function valueEnd(pair: Pair): number {
  const value = pair.value as Node
  return Math.max(endOf(value), startOf(pair.key as Node))
}

/** End of a pair with the comment on its last line; the line break stays outside. */
export function pairEnd(text: string, pair: Pair): number {
  const end = pair.value ? valueEnd(pair) : endOf(pair.key as Node)
  return lineEnd(text, end)
}

export function lineEnd(text: string, offset: number): number {
  if (text[offset - 1] === '\n') return offset - (text[offset - 2] === '\r' ? 2 : 1)
  const newline = text.indexOf('\n', offset)
  if (newline < 0) return text.length
  return text[newline - 1] === '\r' ? newline - 1 : newline
}

/** The comments on the lines just above a line, each without its indentation. */
export function commentsAbove(text: string, offset: number): string[] {
  const comments: string[] = []
  for (let end = offset - columnAt(text, offset); end > 0; ) {
    const start = text.lastIndexOf('\n', end - 2) + 1
    const line = text.slice(start, end).trim()
    if (!line.startsWith('#')) break
    comments.unshift(line)
    end = start
  }
  return comments
}

/** The same text, begun earlier by the lines of some comments above it. */
export function withLinesAbove(text: string, start: number, count: number): number {
  let begin = start
  for (let i = 0; i < count; i++) begin = text.lastIndexOf('\n', begin - 2) + 1
  return begin
}

/** A line of its own behind the line of `end`: behind its line break, which a removal may take away. */
export function insertAfter(text: string, end: number, piece: string): Splice {
  const newline = text.indexOf('\n', lineEnd(text, end))
  if (newline < 0) return { start: text.length, end: text.length, text: `${eolOf(text)}${piece}` }
  return { start: newline + 1, end: newline + 1, text: `${piece}${eolOf(text)}` }
}

/** Removes whole lines, with the dash of a list item if it stands before `start`. */
export function removeLines(text: string, start: number, end: number): Splice {
  const lineStart = start - columnAt(text, start)
  if (text.slice(lineStart, start).trim() !== '') {
    throw new Unspliceable('a field does not begin on a line of its own')
  }
  const newline = text.indexOf('\n', lineEnd(text, end))
  return { start: lineStart, end: newline < 0 ? text.length : newline + 1, text: '' }
}
