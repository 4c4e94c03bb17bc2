// How what Git says reaches the API server: by whom, with which mark, and which answers speak of it.

/** The field manager of what Git says. */
export const fieldManager = 'sluice-git'

/** Digest of the definition that was applied last: after a restart nothing is applied twice. */
export const definitionAnnotation = 'sluice.dev/definition'

/** Answers that speak of the definition: invalid, forbidden, no such namespace or kind, owned by another. */
export const refusals: ReadonlySet<number> = new Set([400, 403, 404, 409, 413, 422])
