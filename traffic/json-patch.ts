// Two versions of an object in, a JSON Patch from one to the other out, that applies only while what it
// relies on stands as it was read.
import type { KubeObject } from '../kube/api.ts'

export interface Operation {
  readonly op: 'test' | 'add' | 'remove' | 'replace'
  readonly path: string
  readonly value?: unknown
}

/** Tests the version of `current` and the values at `guards` first. Empty when nothing differs. */
export function patchOf(
  current: KubeObject,
  next: KubeObject,
  guards: readonly string[],
): readonly Operation[] {
  const changes = difference(current, next, '')
  if (changes.length === 0) return []
  const tests = ['/metadata/resourceVersion', ...guards].map(
    (path): Operation => ({ op: 'test', path, value: valueAt(current, path) }),
  )
  return [...tests, ...changes]
}

function difference(from: unknown, to: unknown, path: string): Operation[] {
  if (JSON.stringify(from) === JSON.stringify(to)) return []
  if (Array.isArray(from) && Array.isArray(to) && from.length === to.length) {
    return from.flatMap((item, i) => difference(item, to[i], `${path}/${i}`))
  }
  if (!isObject(from) || !isObject(to)) return [{ op: 'replace', path, value: to }]
  const removed = Object.keys(from)
    .filter((name) => to[name] === undefined && from[name] !== undefined)
    .map((name): Operation => ({ op: 'remove', path: `${path}/${escaped(name)}` }))
  const changed = Object.entries(to).flatMap(([name, value]): Operation[] => {
    const at = `${path}/${escaped(name)}`
    if (value === undefined) return []
    return from[name] === undefined
      ? [{ op: 'add', path: at, value }]
      : difference(from[name], value, at)
  })
  return [...removed, ...changed]
}

function valueAt(root: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .reduce<unknown>(
      (node, step) => Object(node)[step.replaceAll('~1', '/').replaceAll('~0', '~')],
      root,
    )
}

function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
