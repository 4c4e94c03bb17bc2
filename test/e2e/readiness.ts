// The address of a program that starts in; returns once it answers there, or says why it does not.
import { get as getPlain, type IncomingMessage } from 'node:http'
import { get as getSecure } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Program } from './program.ts'

export interface Readiness {
  readonly what: string
  /** Answers 200 when the program is ready. */
  readonly url: string
  readonly program: Program
  readonly token?: string
  /** May fail until the server has written it. */
  readonly authorityOf?: () => Promise<string>
}

const limitMs = 90_000
const pauseMs = 100
const answerLimitMs = 5_000

export async function untilReady(readiness: Readiness): Promise<void> {
  const { what, program } = readiness
  const deadlineAtMs = Date.now() + limitMs
  let last = 'it was never asked'
  while (Date.now() < deadlineAtMs) {
    const end = program.ended()
    if (end !== null) throw new Error(`${what} ended: ${end}\n${await program.tail()}`)
    try {
      const code = await ask(readiness)
      if (code === 200) return
      last = `answer ${code}`
    } catch (error) {
      last = error instanceof Error ? error.message : String(error)
    }
    await sleep(pauseMs)
  }
  throw new Error(`${what} is not ready after ${limitMs} ms: ${last}\n${await program.tail()}`)
}

async function ask({ url, token, authorityOf }: Readiness): Promise<number> {
  const ca = await authorityOf?.()
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const options = { headers, timeout: answerLimitMs, agent: false as const }
  return new Promise((resolve, reject) => {
    const done = (response: IncomingMessage) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    }
    const request =
      ca === undefined ? getPlain(url, options, done) : getSecure(url, { ...options, ca }, done)
    request.once('timeout', () => request.destroy(new Error('no answer in time')))
    request.once('error', reject)
  })
}
