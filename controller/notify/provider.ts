// News and what a Secret holds in, the request that a receiver understands out. Pure. A new receiver is a file and a
// line in the table.
import type { NotificationSpec } from '../../crds/notification.ts'
import { cloudEvent } from './cloud-event.ts'
import { githubStatus, gitlabStatus } from './commit-status.ts'
import type { Message, Render, SecretValue } from './message.ts'
import type { News } from './news.ts'
import { slack } from './slack.ts'
import { teams } from './teams.ts'

export type ProviderName = 'slack' | 'teams' | 'webhook' | 'github' | 'gitlab'

type Providers = {
  readonly [Name in ProviderName]: Render<NonNullable<NotificationSpec[Name]>>
}

const providers: Providers = {
  slack,
  teams,
  webhook: cloudEvent,
  github: githubStatus,
  gitlab: gitlabStatus,
}

/** Who is told by this Notification, and the Secret that this takes. */
export function providerOf(spec: NotificationSpec): {
  readonly name: ProviderName
  readonly secretName: string | undefined
} {
  for (const name of Object.keys(providers) as ProviderName[]) {
    const settings = spec[name]
    if (settings) return { name, secretName: settings.secretRef?.name }
  }
  throw new Error('the schema asks for exactly one provider')
}

export function messageOf(spec: NotificationSpec, news: News, secret: SecretValue): Message | null {
  const letter = { spec, news, secret }
  if (spec.slack) return providers.slack({ ...letter, settings: spec.slack })
  if (spec.teams) return providers.teams({ ...letter, settings: spec.teams })
  if (spec.webhook) return providers.webhook({ ...letter, settings: spec.webhook })
  if (spec.github) return providers.github({ ...letter, settings: spec.github })
  if (spec.gitlab) return providers.gitlab({ ...letter, settings: spec.gitlab })
  throw new Error('the schema asks for exactly one provider')
}
