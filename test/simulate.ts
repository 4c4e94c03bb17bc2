import { runOne } from './sim/run.ts'
import { timeline } from './sim/timeline.ts'
const n = Number(process.argv[2] ?? 10), from = Number(process.argv[3] ?? 1)
const t = performance.now()
const bad: any[] = []
let ev = 0
const phases: Record<string, number> = {}
for (let s = from; s < from + n; s++) {
  const r = await runOne({ seed: s, isTold: n === 1 })
  ev += r.events
  phases[r.outcome.phase] = (phases[r.outcome.phase] ?? 0) + 1
  if (r.violation) bad.push([s, r.violation.name, r.violation.says.slice(0, 300)])
  if (n === 1) console.log(timeline(r.lines), r.outcome, r.choices.join(' '))
}
const dt = (performance.now() - t) / 1000
console.log(bad.slice(0, 25).map((b) => b.join(' | ')).join('\n'))
const by: Record<string, number> = {}
for (const b of bad) by[b[1]] = (by[b[1]] ?? 0) + 1
console.log({ runs: n, bad: bad.length, by, perSec: n / dt, eventsPerRun: ev / n, phases })
