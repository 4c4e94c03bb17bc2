// The table of commands in, the reference page of the plugin out. `npm run generate` writes it.
import { commands } from './command-table.ts'
import { commonFlags, type Flag, type FlagTable } from './flags.ts'
import type { Command } from './invocation.ts'

/** Markdown below the title of the page: what `--help` says, of every command. */
export function commandReference(): string {
  const told = Object.entries(commands).filter(([, { isHidden }]) => !isHidden)
  const sections = told.map(([name, command]) => section(name, command))
  return [
    'Every command takes these, where they mean something to it:',
    flagRows(commonFlags),
    ...sections,
  ].join('\n\n')
}

function section(name: string, { summary, detail, usage, flags, exitCodes }: Command): string {
  const own = Object.fromEntries(
    Object.entries(flags).filter(([flag]) => !Object.hasOwn(commonFlags, flag)),
  )
  const codes = Object.entries(exitCodes ?? {})
  return [
    `## ${name}`,
    `${summary}.${detail ? ` ${detail.replaceAll('\n', ' ')}` : ''}`,
    `\`\`\`sh\nkubectl sluice ${usage}\n\`\`\``,
    ...(Object.keys(own).length > 0 ? [flagRows(own)] : []),
    ...(codes.length > 0 ? [table(['Exit code', 'Meaning'], codes)] : []),
  ].join('\n\n')
}

function flagRows(flags: FlagTable): string {
  return table(
    ['Flag', 'Meaning'],
    Object.entries(flags).map(([name, flag]) => [flagText(name, flag), meaning(flag)]),
  )
}

function flagText(name: string, { short, takes }: Flag): string {
  return `\`${short ? `-${short}, ` : ''}--${name}${takes ? `=${takes}` : ''}\``
}

function meaning({ help, values }: Flag): string {
  return values ? `${help}: ${values.map((value) => `\`${value}\``).join(', ')}` : help
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
