// The text at the tip and fields with their bad and good values in; the new text, or why none is needed, out. Pure.
// For releases whose image stands outside of their Rollout: in values of a Helm chart, in a kustomization.
import { isAlias, isScalar } from 'yaml'
import { isMapping } from '../yaml/merge.ts'
import { type FieldPath, parseYamlFile, type YamlDocument } from '../yaml/yaml-file.ts'
import { isSealed, type Revert } from './document-revert.ts'

export interface FieldValue {
  /** A JSON pointer; `name=checkout` in place of an index is the item of that name. */
  readonly field: string
  readonly bad: string
  readonly good: string
}

export interface FieldRevertInput {
  /** Of the Rollout, for sentences. */
  readonly name: string
  /** The file at the tip; null when it is gone. */
  readonly tip: { readonly path: string; readonly text: string } | null
  readonly fields: readonly FieldValue[]
}

interface Found {
  readonly value: FieldValue
  readonly document: YamlDocument
  readonly path: FieldPath
  readonly range: readonly [number, number]
  /** As written, without quotes: 1.10 is not 1.1. */
  readonly now: string
  readonly isQuoted: boolean
}

/** Never throws for what is in a text. */
export function revertFields({ name, tip, fields }: FieldRevertInput): Revert {
  if (!tip) return { kind: 'superseded', because: `the file of ${name} is no longer on the branch` }
  const { documents, problems } = parseYamlFile(tip.path, tip.text)
  const [problem] = [...problems, ...documents.flatMap((document) => document.problems)]
  if (problem) {
    const place = `${tip.path}:${problem.line}:${problem.column}`
    return { kind: 'needs-human', because: `${place} ${problem.message}` }
  }
  const edits: Found[] = []
  for (const value of fields.filter(({ bad, good }) => bad !== good)) {
    const found = findField(documents, value)
    if (typeof found === 'string') {
      return { kind: 'needs-human', because: `${value.field} of ${tip.path} ${found}` }
    }
    if (found.now === value.good) continue
    if (found.now !== value.bad) {
      const because = `${value.field} of ${tip.path} is ${found.now.slice(0, 80)} on the branch, neither the bad nor the good release of ${name}: somebody has changed it since`
      return { kind: 'superseded', because }
    }
    edits.push(found)
  }
  if (edits.length === 0) {
    return { kind: 'nothing', because: `${tip.path} asks for the good release of ${name} already` }
  }
  if (documents.some(({ value }) => isSealed(value))) {
    const because = `${tip.path} is encrypted by SOPS, whose seal an edit would break; restore it by hand`
    return { kind: 'needs-human', because }
  }
  const text = spliced(tip.text, edits)
  if (!isProven(tip.text, text, edits)) {
    const because = `${tip.path} can not be edited safely; restore ${edits[0]?.value.field} by hand`
    return { kind: 'needs-human', because }
  }
  const changed = edits.map(({ value }) => value.field)
  return { kind: 'commit', path: tip.path, text, changed }
}

/** The one document that has the field; a sentence when there is none, or more than one. */
function findField(documents: readonly YamlDocument[], value: FieldValue): Found | string {
  const found = documents.flatMap((document) => {
    const path = resolvePointer(document.value, value.field)
    return path === null ? [] : [{ document, path }]
  })
  const [one, second] = found
  if (!one) return 'is not there any more'
  if (second) return 'is there more than once'
  const node = one.document.node(one.path)
  if (isAlias(node)) return 'is an alias: write the value itself'
  if (!isScalar(node) || node.range === null || node.range === undefined) return 'is no plain value'
  const isQuoted = node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE'
  if (!isQuoted && node.type !== 'PLAIN') return 'is text of several lines'
  if (node.anchor !== undefined) return 'has an anchor, so that other fields follow it'
  const now = isQuoted ? String(node.value) : (node.source ?? '')
  return { ...one, value, range: [node.range[0], node.range[1]], now, isQuoted }
}

/** The path of a pointer in a value, or null when nothing is there. */
export function resolvePointer(value: unknown, pointer: string): FieldPath | null {
  if (!pointer.startsWith('/')) return null
  const path: (string | number)[] = []
  let at = value
  for (const part of pointer.slice(1).split('/')) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    const next = Array.isArray(at) ? indexOf(at, key) : key
    if (next === null) return null
    const isThere = Array.isArray(at)
      ? Number(next) < at.length
      : isMapping(at) && Object.hasOwn(at, next)
    if (!isThere) return null
    path.push(next)
    at = Reflect.get(Object(at), next)
  }
  return path
}

function indexOf(list: readonly unknown[], key: string): number | null {
  if (/^(0|[1-9][0-9]{0,5})$/.test(key)) return Number(key)
  const [, name, wanted] = /^([^=]+)=(.*)$/.exec(key) ?? []
  if (name === undefined) return null
  const index = list.findIndex((item) => isMapping(item) && String(item[name]) === wanted)
  return index < 0 ? null : index
}

function spliced(text: string, edits: readonly Found[]): string {
  return edits
    .toSorted((a, b) => b.range[0] - a.range[0])
    .reduce((before, { range: [start, end], value, isQuoted }) => {
      const quote = before[start] === "'" ? "'" : '"'
      const needsQuotes = isQuoted || !isPlainText(value.good)
      const isSafe = quote === "'" && !value.good.includes("'")
      const quoted = isSafe ? `'${value.good}'` : JSON.stringify(value.good)
      return before.slice(0, start) + (needsQuotes ? quoted : value.good) + before.slice(end)
    }, text)
}

/** Written without quotes it is this very text, and no number, date or syntax. */
function isPlainText(text: string): boolean {
  if (!/^[A-Za-z0-9][A-Za-z0-9._/@:-]*$/.test(text) || text.endsWith(':')) return false
  const [document] = parseYamlFile('', `a: ${text}\n`).documents
  return isMapping(document?.value) && document.value['a'] === text
}

/** Read again, the fields have their good values and nothing else differs. */
function isProven(before: string, after: string, edits: readonly Found[]): boolean {
  const [old, now] = [before, after].map((text) => parseYamlFile('', text).documents)
  if (!old || !now || old.length !== now.length) return false
  const isGood = edits.every(({ document, path, value }) => {
    const node = now[document.index]?.node(path)
    return isScalar(node) && (node.source ?? String(node.value)) === value.good
  })
  const blank = (documents: readonly YamlDocument[]) =>
    JSON.stringify(
      documents.map(({ value, index }) =>
        edits
          .filter(({ document }) => document.index === index)
          .reduce((rest, { path }) => without(rest, path), value),
      ),
    )
  return isGood && blank(old) === blank(now)
}

function without(value: unknown, path: FieldPath): unknown {
  const [first, ...rest] = path
  if (first === undefined) return null
  if (Array.isArray(value)) {
    return value.map((item, index) => (index === first ? without(item, rest) : item))
  }
  return isMapping(value) ? { ...value, [first]: without(value[first], rest) } : value
}
