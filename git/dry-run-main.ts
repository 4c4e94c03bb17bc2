// Flags in; what a revert would do, as text or as one line of JSON, out. Needs no cluster and touches no branch.
import { parseArgs } from 'node:util'
import { type DryRun, dryRun } from './dry-run.ts'

const usage =
  'usage: dry-run --repo DIR --branch B --rollout NAMESPACE/NAME --bad COMMIT --good COMMIT [--json]'

/** Returns the exit code: 0 when there is a decision, 1 when there can be none, 2 for wrong flags. */
export async function main(
  args: readonly string[],
  print: (text: string) => void,
): Promise<0 | 1 | 2> {
  const flags = read(args)
  if (flags === null) {
    print(usage)
    return 2
  }
  try {
    const result = await dryRun(flags)
    print(flags.json ? JSON.stringify(result) : shown(result))
    return 0
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error)
    print(flags.json ? JSON.stringify({ error: because }) : because)
    return 1
  }
}

function read(args: readonly string[]) {
  const text = { type: 'string' } as const
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        repo: { ...text, default: '.' },
        branch: { ...text, default: 'main' },
        rollout: text,
        bad: text,
        good: text,
        json: { type: 'boolean', default: false },
      },
    })
    const { rollout = '', bad, good } = values
    const [namespace = '', name = '', ...more] = rollout.split('/')
    if (!namespace || !name || more.length > 0 || !bad || !good) return null
    return { ...values, rollout: { namespace, name }, bad, good }
  } catch {
    return null
  }
}

function shown({ decision, because, tree, diff }: DryRun): string {
  return [`${decision}: ${because}`, `tree ${tree}`, ...(diff === '' ? [] : [diff])].join('\n')
}

if (import.meta.main) {
  process.exitCode = await main(process.argv.slice(2), (text) => process.stdout.write(`${text}\n`))
}
