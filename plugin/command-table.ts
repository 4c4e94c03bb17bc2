// The commands there are. A new one is a file in commands/ and a line here.
import { backtest } from './commands/backtest.ts'
import { command } from './commands/command.ts'
import { completeCommand, completion } from './commands/completion.ts'
import { doctor } from './commands/doctor.ts'
import { get } from './commands/get.ts'
import { history } from './commands/history.ts'
import { judge } from './commands/judge.ts'
import { lint } from './commands/lint.ts'
import { plan } from './commands/plan.ts'
import { restart } from './commands/restart.ts'
import { restore } from './commands/restore.ts'
import { revert } from './commands/revert.ts'
import { status } from './commands/status.ts'
import { version } from './commands/version.ts'
import { wait } from './commands/wait.ts'
import { watch } from './commands/watch.ts'
import { why } from './commands/why.ts'
import type { Command } from './invocation.ts'

export const commands: Readonly<Record<string, Command>> = {
  get,
  status,
  watch,
  why,
  history,
  wait,
  promote: command(
    'promote',
    'Let a rollout leave the step it is at',
    'Once the step is live, it is left: past its hold and its checks where the step needs no approval, and\nas its approval where it does. It holds for the step you see, so two people advance one step.',
  ),
  abort: command(
    'abort',
    'Give all traffic back to the stable revision',
    'Traffic goes back at once; then the last good release is restored in Git, where that is configured.',
  ),
  pause: command('pause', 'Stop a rollout where it is', 'Traffic stays as it is. Checks go on.'),
  resume: command('resume', 'Let a paused rollout go on', 'Its step begins again, with its hold.'),
  retry: command(
    'retry',
    'Allow another try of a revision that failed',
    'Only for the revision that the spec asks for now.',
  ),
  restart,
  lint,
  judge,
  plan,
  backtest,
  revert,
  restore,
  doctor,
  completion,
  __complete: completeCommand(() => commands),
  version,
}
