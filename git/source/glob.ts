// Include and exclude globs in; a test for paths out (pure). `*` stays within a folder, `**` does not,
// `?` is one character. No regular expressions: the time is at most pattern times path.

/** True for paths that match an include glob and no exclude glob. */
export function pathFilter(
  include: readonly string[],
  exclude: readonly string[],
): (path: string) => boolean {
  const [included, excluded] = [include, exclude].map((globs) =>
    globs.map((glob) => glob.split('/')),
  )
  const matches = (globs: readonly string[][] | undefined, parts: readonly string[]) =>
    (globs ?? []).some((glob) => matchesParts(glob, parts))
  return (path) => {
    const parts = path.split('/')
    return matches(included, parts) && !matches(excluded, parts)
  }
}

function matchesParts(glob: readonly string[], parts: readonly string[]): boolean {
  return matchesList(glob, parts, (pattern, part) =>
    matchesList([...pattern], [...part], (a, b) => a === '?' || a === b, '*'),
  )
}

/** The one place that backtracks: to the last wildcard only, which is enough and keeps it quadratic. */
function matchesList(
  glob: readonly string[],
  parts: readonly string[],
  isEqual: (pattern: string, part: string) => boolean,
  wildcard = '**',
): boolean {
  let [g, p, star, retry] = [0, 0, -1, 0]
  while (p < parts.length) {
    const pattern = glob[g]
    if (pattern === wildcard) {
      star = g
      g += 1
      retry = p
    } else if (pattern !== undefined && isEqual(pattern, parts[p] ?? '')) {
      g += 1
      p += 1
    } else if (star >= 0) {
      g = star + 1
      retry += 1
      p = retry
    } else return false
  }
  while (glob[g] === wildcard) g += 1
  return g === glob.length
}
