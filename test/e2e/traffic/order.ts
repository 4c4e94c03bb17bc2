// What `npm run e2e` asks of the traffic suite, and what the suite found, as files and text between processes.
import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Account } from './play.ts'

const Order = z.object({
  /** Of each router. */
  atLeast: z.int(),
  requestsPerSecond: z.int(),
  /** Routers at the same time. */
  atOnce: z.int(),
  /** Part of the name of the routers to be played; empty for all. */
  router: z.string(),
  /** Whether it is worth fetching Envoy for. */
  isProof: z.boolean(),
})
export type Order = z.infer<typeof Order>

export const orderVariable = 'SLUICE_TRAFFIC'

/** Beside all other files: enough to show an order that is wrong. */
export const small: Order = {
  ...{ atLeast: 3_000, requestsPerSecond: 250, atOnce: 4, router: '' },
  isProof: false,
}
/** Alone: the proof. */
export const full: Order = {
  ...{ atLeast: 100_000, requestsPerSecond: 2_000, atOnce: 2, router: '' },
  isProof: true,
}

export function readOrder(text: string | undefined): Order {
  return text === undefined ? small : Order.parse(JSON.parse(text))
}

const accountsIn = (directory: string) => join(directory, 'traffic.jsonl')

export function note(directory: string, account: Account): Promise<void> {
  return appendFile(accountsIn(directory), `${JSON.stringify(account)}\n`)
}

/** Accounts in the order in which they were noted; empty when the suite did not run. */
export async function readAccounts(directory: string): Promise<Account[]> {
  const text = await readFile(accountsIn(directory), 'utf8').catch(() => '')
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
}

export function describeAccount(account: Account): string {
  const { plane, router, requests, failed, failedByRelease, lagMs, missed, seconds } = account
  const lag = lagMs.count > 0 ? `lag ${lagMs.median} ms (at most ${lagMs.most})` : 'lag not told'
  const cells = [
    `${plane}: ${router}`.padEnd(30),
    `${requests} requests`,
    `${failed} failed`,
    `${failedByRelease} by the bad release`,
    lag,
    ...(missed > 0 ? [`${missed} not sent`] : []),
    `${seconds} s`,
  ]
  return cells.join(', ')
}
