// node test/bench/analysis/export.ts DIRECTORY [SEED]: one tick file per noise family, service and
// fault of the published scenario set, for `kubectl sluice judge` and other engines.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { families, faults, type Scenario, scenario, scrapeSeconds, services } from './scenarios.ts'

const [directory, seed = '20240'] = process.argv.slice(2)
if (directory === undefined) throw new Error('name the directory to write to')
await mkdir(directory, { recursive: true })
for (const family of families) {
  for (const service of services) {
    const found = scenario(family, service, Number(seed))
    for (const [i, fault] of ['healthy', ...faults.map(({ name }) => name)].entries()) {
      const name = `${family}-${100 * service.base}pc-${service.rps}rps-${fault}.json`
      await writeFile(
        join(directory, name),
        `${JSON.stringify(tickFile(found, i, service.weight))}\n`,
      )
    }
  }
}

function tickFile(found: Scenario, fault: number, weight: number): object {
  return {
    metric: 'errors',
    scrapeSeconds,
    history: { pods: found.history.pods.map(({ n, x: [x] }) => ({ n, x })) },
    ticks: found.canaryN.map((n, k) => ({
      weight: 100 * weight,
      canary: { n, x: found.canaryX[fault]?.[k] ?? 0 },
      stable: { n: found.stableN[k] ?? 0, x: found.stableX[k] ?? 0 },
    })),
  }
}
