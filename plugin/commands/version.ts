// `kubectl sluice version`: nothing in, the version of this program out.
import manifest from '../../package.json' with { type: 'json' }
import { UsageError } from '../failure.ts'
import { commonFlags } from '../flags.ts'
import type { Command } from '../invocation.ts'

export const version: Command = {
  summary: 'Show the version of this program',
  usage: 'version',
  flags: { help: commonFlags['help'] ?? { help: 'show this help' } },
  async run({ world, flags }) {
    if (flags.positionals.length > 0) throw new UsageError('version takes no words')
    world.print(`kubectl-sluice ${manifest.version}\n`)
    return 0
  },
}
