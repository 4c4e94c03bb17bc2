// The edge: untrusted JSON or YAML in, a typed object or problems for people out. Fields set to null count as
// absent, as they do for the API server; what the pod template holds is left as it is.
import type { z } from 'zod'
import { AnalysisTemplate, ClusterAnalysisTemplate } from './analysis-template.ts'
import { Check } from './check.ts'
import { GitSource } from './git-source.ts'
import { problemsOf } from './issue.ts'
import { Notification } from './notification.ts'
import { type Problem, pathText } from './problem.ts'
import { Rollout } from './rollout.ts'

export type Result<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problems: readonly Problem[] }

export const parseRollout = (object: unknown): Result<Rollout> => parse(Rollout, object)

export const parseAnalysisTemplate = (object: unknown): Result<AnalysisTemplate> =>
  parse(AnalysisTemplate, object)

export const parseClusterAnalysisTemplate = (object: unknown): Result<ClusterAnalysisTemplate> =>
  parse(ClusterAnalysisTemplate, object)

/** A check of a template whose fields were set. */
export const parseCheck = (check: unknown): Result<Check> => parse(Check, check)

export const parseGitSource = (object: unknown): Result<GitSource> => parse(GitSource, object)

export const parseNotification = (object: unknown): Result<Notification> =>
  parse(Notification, object)

const maxDepth = 64
const maxNodes = 100_000
const maxProblems = 32
const poison = new Set(['__proto__', 'constructor', 'prototype'])

function parse<Schema extends z.ZodType>(schema: Schema, object: unknown): Result<z.infer<Schema>> {
  const danger = dangerOf(object)
  if (danger !== null) return { ok: false, problems: [danger] }
  const value = withoutNulls(object, [])
  const result = schema.safeParse(value)
  if (result.success) return { ok: true, value: result.data }
  return { ok: false, problems: problemsOf(result.error, schema, value).slice(0, maxProblems) }
}

interface Visit {
  readonly node: unknown
  readonly path: readonly (string | number)[]
}

/** Walks with a list of its own, not by recursion: the depth is what is not trusted. */
function dangerOf(root: unknown): Problem | null {
  const open: Visit[] = [{ node: root, path: [] }]
  let count = 0
  for (let visit = open.pop(); visit !== undefined; visit = open.pop()) {
    const { node, path } = visit
    count += 1
    if (count > maxNodes) return problem([], `must hold at most ${maxNodes} values`)
    if (typeof node !== 'object' || node === null) continue
    if (path.length > maxDepth) {
      return problem(path.slice(0, 3), `must be nested at most ${maxDepth} deep`)
    }
    for (const [key, child] of Object.entries(node)) {
      const step = Array.isArray(node) ? Number(key) : key
      if (poison.has(key)) {
        return {
          ...problem([...path, step], 'has a name that is not allowed'),
          remedy: 'rename it',
        }
      }
      open.push({ node: child, path: [...path, step] })
    }
  }
  return null
}

function problem(path: readonly (string | number)[], message: string): Problem {
  return { path, message: `${pathText(path)} ${message}` }
}

function withoutNulls(node: unknown, path: readonly string[]): unknown {
  const isOpaque = path.length === 3 && path[0] === 'spec' && path[1] === 'template'
  if (isOpaque || !isPlain(node)) {
    return !isOpaque && Array.isArray(node)
      ? node.map((item) => withoutNulls(item, [...path, '[]']))
      : node
  }
  return Object.fromEntries(
    Object.entries(node)
      .filter(([, member]) => member !== null)
      .map(([key, member]) => [key, withoutNulls(member, [...path, key])]),
  )
}

// Dates and other class instances stay what they are, and the schema says what it found.
function isPlain(node: unknown): node is Record<string, unknown> {
  return Object.prototype.toString.call(node) === '[object Object]'
}
