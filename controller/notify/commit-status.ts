// News of a release in, the status of its commit at GitHub or GitLab out. A status says where the release stands now,
// so writing it twice changes nothing.
import type { NewsReason } from '../../crds/news-words.ts'
import type { NotificationSpec } from '../../crds/notification.ts'
import { splitRepository } from '../../git/hosts/open.ts'
import type { Render } from './message.ts'
import { type News, releaseOf } from './news.ts'

type State = 'pending' | 'success' | 'failure' | 'over'

/** What of the news ends a release; everything else is on its way. */
const ends: Partial<Readonly<Record<NewsReason, State>>> = {
  Created: 'success',
  Promoted: 'success',
  Restored: 'success',
  Aborted: 'failure',
  Quarantined: 'failure',
  RevertCommitted: 'failure',
  RevertProposed: 'failure',
  NotRestored: 'failure',
  RevertSuperseded: 'failure',
  RevertNothing: 'failure',
  RevertNeedsHuman: 'failure',
  Superseded: 'over',
}

interface Status {
  readonly commit: string
  readonly state: State
  readonly context: string
  readonly description: string
}

/** Null without a commit: not every release comes from Git. */
function statusOf(news: News): Status | null {
  const { namespace = '', name } = news.object.metadata
  const commit = releaseOf(news)?.commit ?? ''
  if (news.object.kind !== 'Rollout' || !/^[0-9a-f]{40,64}$/.test(commit)) return null
  const state = ends[news.reason] ?? 'pending'
  const description = `${news.reason}: ${news.because}`
  return { commit, state, context: `sluice/${namespace}.${name}`, description }
}

export const githubStatus: Render<NonNullable<NotificationSpec['github']>> = (letter) => {
  const { settings, news, secret } = letter
  const status = statusOf(news)
  if (!status) return null
  const { hostName, project } = splitRepository(settings.repository)
  const usual = hostName === 'github.com' ? 'https://api.github.com' : `https://${hostName}/api/v3`
  const base = (settings.api ?? usual).replace(/\/+$/, '')
  const { commit, state, context, description } = status
  return {
    url: `${base}/repos/${project}/statuses/${commit}`,
    headers: {
      Authorization: `Bearer ${secret('status-token')}`,
      Accept: 'application/vnd.github+json',
    },
    body: {
      state: state === 'over' ? 'error' : state,
      context,
      description: cut(description, 140),
    },
  }
}

const gitlabStates: Readonly<Record<State, string>> = {
  pending: 'running',
  success: 'success',
  failure: 'failed',
  over: 'canceled',
}

export const gitlabStatus: Render<NonNullable<NotificationSpec['gitlab']>> = (letter) => {
  const { settings, news, secret } = letter
  const status = statusOf(news)
  if (!status) return null
  const { hostName, project } = splitRepository(settings.repository)
  const base = (settings.api ?? `https://${hostName}/api/v4`).replace(/\/+$/, '')
  const { commit, state, context, description } = status
  return {
    url: `${base}/projects/${encodeURIComponent(project)}/statuses/${commit}`,
    headers: { 'PRIVATE-TOKEN': secret('status-token') },
    body: { state: gitlabStates[state], name: context, description: cut(description, 255) },
    // GitLab refuses a state that the commit has already.
    ...(state === 'pending' && { accepted: [400] }),
  }
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}
