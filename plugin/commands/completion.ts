// `kubectl sluice completion`: nothing in, the program that kubectl asks for completions out; and what it asks.
import { contextNames } from '../cluster/kubeconfig.ts'
import { UsageError } from '../failure.ts'
import { commandFirst, commonFlags, type Flag, type FlagTable, parseFlags } from '../flags.ts'
import { type Command, connect, type Invocation, rolloutsPath, type World } from '../invocation.ts'
import { list, record, text } from '../json.ts'

type Commands = Readonly<Record<string, Command>>

const script = `#!/usr/bin/env sh
# Completions of "kubectl sluice", for every shell that kubectl completes in. Put this file on the PATH:
#   kubectl sluice completion > ~/.local/bin/kubectl_complete-sluice
#   chmod +x ~/.local/bin/kubectl_complete-sluice
exec kubectl-sluice __complete "$@"
`

export const completion: Command = {
  summary: 'Print the program that lets kubectl complete these commands',
  usage: 'completion',
  detail:
    'kubectl completion must be set up in your shell. Save what this prints as kubectl_complete-sluice somewhere\non the PATH and make it executable.',
  flags: { help: commonFlags['help'] ?? { help: 'show this help' } },
  async run({ world, flags }) {
    if (flags.positionals.length > 0) throw new UsageError('one program serves every shell')
    world.print(script)
    return 0
  },
}

/** As kubectl reads them: a line each, then what to do besides. */
interface Completions {
  readonly words: readonly string[]
  readonly directive: keyof typeof directives
}

const directives = { files: 0, noSpace: 6, words: 4 } as const
const nothing: Completions = { words: [], directive: 'words' }
const files: Completions = { words: [], directive: 'files' }

/** Nothing here may fail or take long: a person is in the middle of a line. */
export function completeCommand(commands: () => Commands): Command {
  return {
    summary: 'Answer what kubectl asks for completions',
    usage: '__complete WORD…',
    flags: {},
    isHidden: true,
    isRaw: true,
    async run({ world, flags }) {
      const { words, directive } = await complete(commands(), flags.positionals, world)
      world.print(words.map((word) => `${word}\n`).join(''))
      world.print(`:${directives[directive]}\n`)
      return 0
    },
  }
}

async function complete(
  commands: Commands,
  line: readonly string[],
  world: World,
): Promise<Completions> {
  const current = line.at(-1) ?? ''
  const [name, ...before] = commandFirst(line.slice(0, -1))
  const last = flagOf(commonFlags, line.at(-2) ?? '')
  if (name === undefined && last?.takes) {
    return values(last, current, { world, flags: leniently(commonFlags, line.slice(0, -2)) })
  }
  if (name === undefined || name === 'help') return starting(current, described(commands))
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!command) return nothing
  const table = command.flags
  const joined = /^(--[a-z-]+=)(.*)$/.exec(current)
  const invocation = { world, flags: leniently(table, before) }
  if (joined) {
    const [, flagText = '', value = ''] = joined
    const { words, directive } = await values(
      flagOf(table, flagText.slice(0, -1)),
      value,
      invocation,
    )
    return { words: words.map((word) => flagText + word), directive }
  }
  const flag = flagOf(table, before.at(-1) ?? '')
  if (flag?.takes) return values(flag, current, invocation)
  if (current.startsWith('-')) return starting(current, flagWords(table))
  switch (command.completes) {
    case 'rollout':
      return invocation.flags.positionals.length > 0 ? nothing : rollouts(current, invocation)
    case 'rollouts':
      return rollouts(current, invocation)
    case 'files':
      return files
    default:
      return nothing
  }
}

function described(commands: Commands): string[] {
  return Object.entries(commands).flatMap(([name, { summary, isHidden }]) =>
    isHidden ? [] : [`${name}\t${summary}`],
  )
}

function flagWords(table: FlagTable): string[] {
  return Object.entries(table).map(([name, { help }]) => `--${name}\t${help}`)
}

function starting(current: string, words: readonly string[]): Completions {
  return { words: words.filter((word) => word.startsWith(current)), directive: 'words' }
}

function flagOf(table: FlagTable, word: string): Flag | undefined {
  const long = /^--([a-z-]+)$/.exec(word)?.[1]
  if (long !== undefined) return Object.hasOwn(table, long) ? table[long] : undefined
  const short = /^-([a-zA-Z])$/.exec(word)?.[1]
  return short === undefined ? undefined : Object.values(table).find((flag) => flag.short === short)
}

async function values(
  flag: Flag | undefined,
  current: string,
  invocation: Invocation,
): Promise<Completions> {
  if (flag?.values) {
    const found = starting(current, flag.values)
    const [only, ...others] = found.words
    const isOpen = others.length === 0 && only?.endsWith('=')
    return isOpen ? { ...found, directive: 'noSpace' } : found
  }
  switch (flag?.completes) {
    case 'files':
      return files
    case 'contexts': {
      const { env, home } = invocation.world
      const path = invocation.flags.value('kubeconfig')
      return starting(current, await orNone(async () => contextNames({ env, home, path })))
    }
    case 'namespaces':
      return starting(current, await orNone(() => names(invocation, () => '/api/v1/namespaces')))
    default:
      return nothing
  }
}

async function rollouts(current: string, invocation: Invocation): Promise<Completions> {
  const given = invocation.flags.positionals
  const found = await orNone(() => names(invocation, rolloutsPath))
  return starting(
    current,
    found.filter((name) => !given.includes(name)),
  )
}

async function names(
  invocation: Invocation,
  pathOf: (namespace: string) => string,
): Promise<string[]> {
  const { client, namespace } = await connect(invocation)
  const found = await client.ask({ path: pathOf(namespace), parameters: { limit: '500' } })
  return list(found['items']).flatMap(
    (item) => text(record(record(item)['metadata'])['name']) ?? [],
  )
}

async function orNone(read: () => Promise<string[]>): Promise<string[]> {
  try {
    return await read()
  } catch {
    return []
  }
}

/** Half a line may be wrong yet; and a server gets two seconds, whatever the flags say. */
function leniently(table: FlagTable, before: readonly string[]): Invocation['flags'] {
  const read = (words: readonly string[]) => {
    try {
      return parseFlags(table, words)
    } catch {
      return null
    }
  }
  const parsed = read(before) ?? read(before.slice(0, -1))
  return {
    positionals: parsed?.positionals ?? [],
    isSet: (name) => parsed?.isSet(name) ?? false,
    value: (name) => (name === 'request-timeout' ? '2s' : parsed?.value(name)),
  }
}
