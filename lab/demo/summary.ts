// The end of the story in words: what was promised, what was seen, and what to try next.
import { join } from 'node:path'
import type { TeamRepository } from './repository.ts'
import type { Proof, StoryReport } from './story.ts'

export async function summaryText(
  { ok, good, bad, neighbourCommitSurvived }: StoryReport,
  proof: Proof,
  repository: TeamRepository,
): Promise<string> {
  const [revert] = await repository.log(bad.revertCommit)
  const rows: [string, string, boolean][] = [
    [
      'good release',
      `${good.outcome} in ${good.seconds} s; ${good.requests} requests, ${good.failedRequests} failed`,
      good.outcome === 'promoted' && good.failedRequests === 0,
    ],
    [
      'bad release',
      `${bad.outcome}; ${bad.badResponses} bad responses, weight 0 stored ${bad.secondsToSafe} s after the verdict`,
      bad.outcome === 'reverted' && bad.secondsToSafe <= 1,
    ],
    [
      'Git',
      `${proof.revertCommits} revert commit, ${bad.secondsToRevert} s after the verdict`,
      proof.revertCommits === 1,
    ],
    [
      'neighbour',
      neighbourCommitSurvived ? 'its commit survived' : 'its commit is lost',
      neighbourCommitSurvived,
    ],
    [
      'pods',
      `${proof.servedByRemovedPods} requests served by a removed pod, ${proof.restarts} restarts`,
      proof.servedByRemovedPods === 0 && proof.restarts === 0,
    ],
  ]
  const lines = rows.map(
    ([name, text, isKept]) => `  ${isKept ? '✔' : '✘'} ${name.padEnd(13)} ${text}`,
  )
  const message = [revert?.subject ?? '', '', ...(revert?.body ?? '').trimEnd().split('\n')]
  return [
    '',
    ok ? 'Everything went as promised:' : 'Not everything went as promised:',
    ...lines,
    '',
    `The commit that restored the last good release, ${bad.revertCommit.slice(0, 7)}:`,
    '',
    ...message.map((line) => `    ${line}`.trimEnd()),
    '',
    await repository.show(bad.revertCommit),
    '',
  ].join('\n')
}

export function approvalText(directory: string, kubeconfig: string): string {
  return [
    '',
    'This step waits for approval. In another terminal:',
    '',
    ...shell(directory, kubeconfig),
    '  kubectl sluice promote checkout     (or: kubectl-sluice promote checkout)',
    '',
  ].join('\n')
}

export function keepText(directory: string, kubeconfig: string): string {
  return [
    '',
    'The lab stays up until Ctrl-C. In another terminal:',
    '',
    ...shell(directory, kubeconfig),
    '',
    '  kubectl get rollouts',
    '  kubectl sluice status checkout',
    '  kubectl explain rollout.spec',
    `  git -C ${quoted(join(directory, 'repository.git'))} log --oneline main`,
    '',
    `  cd ${quoted(join(directory, 'team'))} && git pull origin main   # release something yourself`,
    '',
  ].join('\n')
}

function shell(directory: string, kubeconfig: string): string[] {
  return [
    `  export KUBECONFIG=${quoted(kubeconfig)}`,
    `  export PATH=${quoted(join(directory, 'bin'))}:$PATH`,
  ]
}

/** As a shell takes it in one piece. */
function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`
}
