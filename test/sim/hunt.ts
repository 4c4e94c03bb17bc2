// A process of its own that runs what it is told to and says what broke: with a mutant patched in, or without
// one to see whether the product itself is red. Prey is `seed:7`, or `story:12:5a` for a story and a crash.
import { crashRun } from './crash-run.ts'
import { forbidPlatform } from './platform.ts'
import { runOne } from './run.ts'

export interface Hunt {
  readonly prey: readonly string[]
}

export interface Catch {
  /** Runs made, the one that broke included. */
  readonly runs: number
  readonly found: { readonly prey: string; readonly name: string; readonly says: string } | null
}

async function hunt({ prey }: Hunt): Promise<Catch> {
  let runs = 0
  for (const one of prey) {
    runs += 1
    const violation = await chase(one)
    if (violation) {
      const { name, says } = violation
      return { runs, found: { prey: one, name, says: says.slice(0, 300) } }
    }
  }
  return { runs, found: null }
}

async function chase(prey: string) {
  const [kind, number = '', point] = prey.split(':')
  if (kind === 'seed') return (await runOne({ seed: Number(number) })).violation
  const points = point ? [point] : []
  return (await crashRun({ number: Number(number), points })).violation
}

if (process.send) {
  forbidPlatform()
  process.on('message', (message: Hunt) => {
    void hunt(message).then((caught) => process.send?.(caught))
  })
  process.send('ready')
}
