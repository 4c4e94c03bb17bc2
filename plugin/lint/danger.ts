// A value of anybody in, the first thing out that must not reach code which walks by recursion or by names. Pure.
import { type Path, type Problem, pathText } from '../../crds/problem.ts'

const limits = { depth: 64, values: 100_000 }
const poison = new Set(['__proto__', 'constructor', 'prototype'])

/** Walks with a list of its own: the depth is what is not trusted, and aliases may make it endless. */
export function dangerOf(root: unknown): Problem | null {
  const open: { readonly node: unknown; readonly path: Path }[] = [{ node: root, path: [] }]
  let count = 0
  for (let visit = open.pop(); visit !== undefined; visit = open.pop()) {
    const { node, path } = visit
    count += 1
    if (count > limits.values) return problem([], `must hold at most ${limits.values} values`)
    if (typeof node !== 'object' || node === null) continue
    if (path.length > limits.depth) {
      return problem(path.slice(0, 3), `must be nested at most ${limits.depth} deep`)
    }
    for (const [key, child] of Object.entries(node)) {
      const inner = [...path, Array.isArray(node) ? Number(key) : key]
      if (poison.has(key)) {
        return { ...problem(inner, 'has a name that is not allowed'), remedy: 'rename it' }
      }
      open.push({ node: child, path: inner })
    }
  }
  return null
}

function problem(path: Path, message: string): Problem {
  return { path, message: `${pathText(path)} ${message}` }
}
