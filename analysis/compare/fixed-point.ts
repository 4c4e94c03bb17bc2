// Numbers in, the same numbers on a grid of 2^-36 out, so that a saved state is the running state to
// the last bit. In nats that is 1.5e-11, and ±2,000 is far beyond any decision.

const scale = 2 ** 36
const offset = 2 ** 47
const limit = 2_000

/** Bytes of one number on the grid. */
export const fixedBytes = 6

/** The nearest number on the grid; what is beyond ±2,000, infinity too, becomes ±2,000. */
export function fixed(value: number): number {
  if (value >= limit) return limit
  if (value <= -limit) return -limit
  return Math.round(value * scale) / scale
}

/** A number on the grid as an unsigned whole number below 2^48. */
export function toWhole(value: number): number {
  return value * scale + offset
}

export function fromWhole(whole: number): number {
  return (whole - offset) / scale
}

/** Sums of requests are kept to a sixteenth, up to 6.8e10, in five bytes. */
export const totalScale = 16
export const totalBytes = 5

export function total(value: number): number {
  return Math.min(Math.round(value * totalScale), 256 ** totalBytes - 1) / totalScale
}

/** A share to 44 binary digits, which seven bytes of its floating-point form hold. */
export const shortBytes = 7

export function short(value: number): number {
  const shifted = value * (2 ** 9 + 1)
  return shifted - (shifted - value)
}
