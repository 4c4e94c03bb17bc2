// Numbers over time in, a curve of a line's height out. Pure. Curves of two revisions have one scale, or they could not
// be compared.
const blocks = '▁▂▃▄▅▆▇█'

/** One curve for each list, all in the scale of all of them; a flat one lies in the middle. */
export function sparklines(series: readonly (readonly number[])[]): string[] {
  const all = series.flat().filter(Number.isFinite)
  const [least, most] = [Math.min(...all), Math.max(...all)]
  const heightOf = (value: number) =>
    most === least ? 3 : Math.round(((value - least) / (most - least)) * (blocks.length - 1))
  return series.map((values) =>
    values
      .map((value) => (Number.isFinite(value) ? (blocks[heightOf(value)] ?? ' ') : ' '))
      .join(''),
  )
}
