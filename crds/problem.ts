// What is wrong with an object in, the words for it out. Pure; no package is imported here, so that the plugin can.

export type Path = readonly (string | number)[]

export interface Problem {
  readonly path: Path
  /** A sentence that names the field, without a full stop. */
  readonly message: string
  /** What to change, where that can be told. */
  readonly remedy?: string
}

/** `unknown field spec.canary.step: did you mean steps?` */
export function describeProblem({ message, remedy }: Problem): string {
  return remedy === undefined ? message : `${message}: ${remedy}`
}

/** `spec.canary.steps[0].weight` */
export function pathText(path: Path): string {
  const text = path
    .map((step) => {
      if (typeof step === 'number') return `[${step}]`
      const name = step.length > 80 ? `${step.slice(0, 79)}…` : step
      return /^[A-Za-z_][\w-]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`
    })
    .join('')
  return text.replace(/^\./, '') || 'the object'
}

/** `, found "x"`; never a password, because problems end in logs. */
export function foundText(found: unknown): string {
  if (found === undefined) return ''
  if (Array.isArray(found)) return `, found a list of ${found.length}`
  if (typeof found === 'object' && found !== null) {
    return found instanceof Date ? ', found a date' : ', found an object'
  }
  if (typeof found !== 'string') return `, found ${String(found)}`
  if (/\/\/[^/]*@/.test(found)) return ', found a URL with credentials'
  return `, found ${found.length > 60 ? `${found.length} characters` : JSON.stringify(found)}`
}
