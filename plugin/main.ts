// Words of the command line in, an exit code out: 0 done, 1 failed or refused, 2 wrong usage.
import { commands } from './command-table.ts'
import { Failure, UsageError } from './failure.ts'
import { commandFirst, describeFlags, parseFlags } from './flags.ts'
import type { Command, World } from './invocation.ts'
import { suggestion } from './near.ts'
import { printable } from './render.ts'

export async function main(argv: readonly string[], world: World): Promise<number> {
  const [name, ...rest] = commandFirst(argv)
  if (name === 'help' && rest[0] !== undefined) return main([rest[0], '--help'], world)
  if (name === undefined || ['help', '--help', '-h'].includes(name)) {
    world.print(generalHelp())
    return name === undefined ? 2 : 0
  }
  const chosen = find(name)
  const names = Object.keys(commands).filter((known) => !commands[known]?.isHidden)
  try {
    if (!chosen) {
      throw new UsageError(`unknown command "${name}"${suggestion(name, names)}`)
    }
    const flags = parseFlags(chosen.flags, chosen.isRaw ? ['--', ...rest] : rest)
    if (flags.isSet('help')) {
      world.print(commandHelp(chosen))
      return 0
    }
    return await chosen.run({ world, flags })
  } catch (error) {
    const code = report(error, { world, usage: chosen ? `${name} --help` : '--help' })
    return chosen?.failureCode ?? code
  }
}

function find(name: string | undefined): Command | undefined {
  return name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined
}

/** A sentence, never a stack: that says nothing to the person, and may hold secrets. */
function report(
  error: unknown,
  { world, usage }: { readonly world: World; readonly usage: string },
): number {
  if (!(error instanceof Failure)) {
    const name = error instanceof Error ? error.name : typeof error
    world.printError(`error: unexpected ${name}; please report what you did\n`)
    return 1
  }
  const lines = error.message.split('\n').map(printable).join('\n')
  const isServer = lines.startsWith('from server')
  world.printError(`${isServer ? 'Error' : 'error:'} ${lines}\n`)
  if (error instanceof UsageError) world.printError(`See: kubectl sluice ${usage}\n`)
  return error.exitCode
}

function generalHelp(): string {
  const told = Object.entries(commands).filter(([, { isHidden }]) => !isHidden)
  const width = Math.max(...told.map(([name]) => name.length))
  const lines = told.map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}\n`)
  return `Watch and steer progressive delivery by Sluice.

Usage: kubectl sluice COMMAND [flags]

Commands:
${lines.join('')}
kubectl sluice COMMAND --help tells more about one of them.
`
}

function commandHelp({ summary, detail, usage, flags, exitCodes }: Command): string {
  const codes = Object.entries(exitCodes ?? {}).map(([code, meaning]) => `  ${code}  ${meaning}\n`)
  return `${summary}.
${detail ? `${detail}\n` : ''}
Usage: kubectl sluice ${usage}

Flags:
${describeFlags(flags)}${codes.length > 0 ? `\nExit codes:\n${codes.join('')}` : ''}`
}
