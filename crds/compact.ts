// An object in, the same without members that are undefined out: as JSON would have it.

/** Without undefined members, so that what is stored equals what was meant. */
export function compact<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const kept: Record<string, unknown> = {}
  for (const [key, member] of Object.entries(value)) if (member !== undefined) kept[key] = member
  return kept as { [K in keyof T]: Exclude<T[K], undefined> }
}
