// While a simulation runs, clocks, timers and randomness of the platform throw: whoever reaches for one would
// make a run that can not be repeated.

function isFromPackage(): boolean {
  Error.stackTraceLimit = 6
  const isFound = /node_modules/.test(new Error().stack ?? '')
  Error.stackTraceLimit = 0
  return isFound
}

/** Gives the function that brings them back. */
export function forbidPlatform(): () => void {
  const { setTimeout, setInterval, fetch } = globalThis
  const { now } = Date
  const { random } = Math
  const { stackTraceLimit } = Error
  // Each aborted signal makes an error; its stack would be a tenth of the work.
  Error.stackTraceLimit = 0
  const refuse = (name: string) => (): never => {
    throw new Error(
      `${name} is not part of the simulated world: use the clock and the random source given`,
    )
  }
  Object.assign(globalThis, {
    setTimeout: refuse('setTimeout'),
    setInterval: refuse('setInterval'),
    fetch: refuse('fetch'),
  })
  // The cron package guards its search against endlessness by the clock; what it finds does not depend on it.
  Date.now = () => (isFromPackage() ? now.call(Date) : refuse('Date.now')())
  Math.random = refuse('Math.random')
  return () => {
    Object.assign(globalThis, { setTimeout, setInterval, fetch })
    Date.now = now
    Math.random = random
    Error.stackTraceLimit = stackTraceLimit
  }
}
