// What the codecs of receivers share: the letter that they are given and the request that they give.
import type { NotificationSpec } from '../../crds/notification.ts'
import type { News } from './news.ts'

/** A POST of JSON. */
export interface Message {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
  /** Statuses besides 2xx with which the receiver says that it has the message. */
  readonly accepted?: readonly number[]
}

/** Gives the value of a key of the Secret; throws a sentence without any secret when it is not there. */
export type SecretValue = (key: string) => string

/** Null when these news are nothing for this receiver. */
export type Render<Settings> = (letter: {
  readonly settings: Settings
  readonly spec: NotificationSpec
  readonly news: News
  readonly secret: SecretValue
}) => Message | null

/** What is said without a text of one's own. */
export const usualText = '{{namespace}}/{{name}}: {{reason}}. {{because}}'
