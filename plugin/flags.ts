// Words of the command line and a table of flags in, values out. Any word the table does not know is refused.
import { parseArgs } from 'node:util'
import { UsageError } from './failure.ts'
import { suggestion } from './near.ts'

export interface Flag {
  readonly short?: string
  /** Placeholder of its value in the help; a flag without one is a switch. */
  readonly takes?: string
  /** The only values there are; one that ends in `=` goes on as it likes. */
  readonly values?: readonly string[]
  /** What its value stands for, so that the shell can complete it. */
  readonly completes?: 'contexts' | 'namespaces' | 'files'
  readonly help: string
}

export type FlagTable = Readonly<Record<string, Flag>>

export interface Parsed {
  readonly positionals: readonly string[]
  value(name: string): string | undefined
  isSet(name: string): boolean
}

/** Flags that every command takes. */
export const commonFlags: FlagTable = {
  namespace: {
    short: 'n',
    takes: 'NAME',
    completes: 'namespaces',
    help: 'namespace; default: that of the context',
  },
  context: { takes: 'NAME', completes: 'contexts', help: 'context of the kubeconfig' },
  kubeconfig: {
    takes: 'FILE',
    completes: 'files',
    help: 'kubeconfig to use instead of KUBECONFIG and ~/.kube/config',
  },
  'request-timeout': {
    takes: 'TIME',
    help: 'limit of one request, such as 5s; 0 is none; default 10s',
  },
  help: { short: 'h', help: 'show this help' },
}

/** Flags that every command takes may stand before it, as kubectl has it: here they follow it. */
export function commandFirst(argv: readonly string[]): readonly string[] {
  let at = 0
  for (let word = argv[at]; word !== undefined; word = argv[at]) {
    const [, long, short, joined] = /^(?:--([a-z-]+)(?==|$)|-([a-z]))(.+)?$/.exec(word) ?? []
    const known = Object.entries(commonFlags).find(
      ([flag, about]) => flag === long || (short !== undefined && about.short === short),
    )
    if (!known || known[0] === 'help') break
    at += known[1].takes !== undefined && joined === undefined ? 2 : 1
  }
  const [name, ...rest] = argv.slice(at)
  return name === undefined ? [] : [name, ...argv.slice(0, at), ...rest]
}

/** Fails with `UsageError`. Everything after `--` is positional. */
export function parseFlags(table: FlagTable, argv: readonly string[]): Parsed {
  const values = new Map<string, string | boolean>()
  const { tokens, positionals } = parseArgs({
    args: [...argv],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries(
      Object.entries(table).map(([name, { short, takes }]) => [
        name,
        { type: takes ? ('string' as const) : ('boolean' as const), ...(short && { short }) },
      ]),
    ),
  })
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const flag = Object.hasOwn(table, token.name) ? table[token.name] : undefined
    if (!flag) throw unknown(token.rawName, table)
    values.set(token.name, readValue(flag, token.rawName, token.value))
  }
  return {
    positionals,
    value: (name) => {
      const value = values.get(name)
      return typeof value === 'string' ? value : undefined
    },
    isSet: (name) => values.get(name) === true,
  }
}

function readValue(flag: Flag, rawName: string, given: string | undefined): string | boolean {
  if (!flag.takes) {
    if (given === undefined || given === 'true') return true
    if (given === 'false') return false
    throw new UsageError(`${rawName} is a switch and takes no value`)
  }
  // `-o=json` is read as kubectl reads it.
  const value = rawName.startsWith('--') ? given : given?.replace(/^=/, '')
  if (value === undefined || value === '') throw new UsageError(`${rawName} needs a value`)
  if (flag.values && !flag.values.some((allowed) => isAllowed(value, allowed))) {
    throw new UsageError(`${rawName} must be one of ${flag.values.join(', ')}, not "${value}"`)
  }
  return value
}

function isAllowed(value: string, allowed: string): boolean {
  return allowed.endsWith('=') ? value.startsWith(allowed) : value === allowed
}

function unknown(rawName: string, table: FlagTable): UsageError {
  const known = Object.keys(table).map((name) => `--${name}`)
  return new UsageError(`unknown flag ${rawName}${suggestion(rawName, known)}`)
}

/** One line for each flag. */
export function describeFlags(table: FlagTable): string {
  const rows = Object.entries(table).map(([name, { short, takes, help, values }]) => ({
    usage: `${short ? `-${short}, ` : '    '}--${name}${takes ? `=${takes}` : ''}`,
    help: values ? `${help}: ${values.join(', ')}` : help,
  }))
  const width = Math.max(...rows.map(({ usage }) => usage.length))
  return rows.map(({ usage, help }) => `  ${usage.padEnd(width)}  ${help}\n`).join('')
}
