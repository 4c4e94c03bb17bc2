// Values as a status stores them: times as text, nothing undefined.

export function timestamp(ms: number): string {
  return new Date(ms).toISOString()
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

/** Without undefined members, so that what is stored equals what was meant. */
export function compact<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}
