// A Notification: who is told of what becomes of the Rollouts of a namespace, and in which words.
import { z } from 'zod'
import { Conditions, exactlyOne, Labels, ObjectName, Sentence, Timestamp } from './fields.ts'
import { newsReasons, placeholders, textMeaning, textPattern, usualReasons } from './news-words.ts'

const secretRef = (keys: string) =>
  z
    .strictObject({ name: ObjectName.meta({ description: 'Name of the Secret.' }) })
    .meta({ description: `A Secret in the namespace of the Notification, with ${keys}.` })

const HttpUrl = z
  .string()
  .max(2048)
  .regex(/^https?:\/\/[^\s@?#]+$/, 'must be an https or http URL without credentials')

const chat = (name: string) =>
  z
    .strictObject({ secretRef: secretRef('the key "url": the address of the incoming webhook') })
    .meta({ description: `A channel of ${name}.` })

const Webhook = z
  .strictObject({
    url: HttpUrl.meta({ description: 'Where CloudEvents are posted to.' }),
    secretRef: secretRef('the key "webhook-token", sent as a bearer token').optional(),
  })
  .meta({ description: 'Any receiver of CloudEvents 1.0 in structured JSON form.' })

const commitStatus = (name: string) =>
  z
    .strictObject({
      repository: z
        .string()
        .max(2048)
        .regex(/^(https|ssh):\/\/[^\s?#]+$/, 'must be an https or ssh URL of a repository')
        .meta({ description: 'URL of the repository whose commits get the status.' }),
      api: HttpUrl.optional().meta({
        description: 'Address of the API. Default: the usual one at the host of the repository.',
      }),
      secretRef: secretRef('the key "status-token": it may write statuses of commits'),
    })
    .meta({ description: `Statuses of the released commits at ${name}.` })

const oneProvider = exactlyOne(['slack', 'teams', 'webhook', 'github', 'gitlab'])

export const NotificationSpec = z
  .strictObject({
    slack: chat('Slack').optional(),
    teams: chat('Microsoft Teams, through a workflow').optional(),
    webhook: Webhook.optional(),
    github: commitStatus('GitHub').optional(),
    gitlab: commitStatus('GitLab').optional(),
    selector: z
      .strictObject({
        matchLabels: Labels.meta({ description: 'Labels that all must be there.' }),
      })
      .optional()
      .meta({
        description:
          'Labels of the Rollouts and GitSources it is about. Default: all of the namespace.',
      }),
    reasons: z
      .array(z.enum(newsReasons))
      .min(1)
      .max(64)
      .default([...usualReasons])
      .meta({ 'x-kubernetes-list-type': 'atomic', description: 'What is told.' }),
    text: z
      .string()
      .min(1)
      .max(1024)
      .regex(new RegExp(textPattern), textMeaning)
      .optional()
      .meta({
        description: `The words, with placeholders such as {{name}}: ${placeholders.join(', ')}. Not for commit statuses.`,
      }),
    suspend: z.boolean().default(false).meta({ description: 'Tell nobody for now.' }),
  })
  .refine(oneProvider.isMet, oneProvider.message)
  .meta({ ...oneProvider.meta, description: 'Who is told, of what, and how.' })
export type NotificationSpec = z.infer<typeof NotificationSpec>

const Delivery = z.object({
  id: z.string().max(64).meta({ description: 'Identity of the message; a CloudEvent carries it.' }),
  about: z.string().max(512).meta({ description: 'Kind, namespace and name.' }),
  reason: z.string().max(64).meta({ description: 'What was told.' }),
  at: Timestamp.meta({ description: 'When it happened.' }),
  outcome: z.enum(['Delivered', 'Dropped']).meta({ description: 'What became of the message.' }),
  because: Sentence.optional().meta({ description: 'Why it was dropped.' }),
})
export type Delivery = z.infer<typeof Delivery>

export const NotificationStatus = z
  .object({
    observedGeneration: z
      .int()
      .min(0)
      .optional()
      .meta({ description: 'Generation of the spec that was read last.' }),
    toldUntil: Timestamp.optional().meta({
      description:
        'All that happened until then was told or given up; a restart goes on from there.',
    }),
    recent: z.array(Delivery).max(20).optional().meta({
      'x-kubernetes-list-type': 'atomic',
      description: 'The last messages, newest first.',
    }),
    conditions: Conditions.optional(),
  })
  .meta({ description: 'Written by Sluice.' })
export type NotificationStatus = z.infer<typeof NotificationStatus>

export const Notification = z
  .looseObject({
    apiVersion: z.literal('sluice.dev/v1alpha1'),
    kind: z.literal('Notification'),
    metadata: z.looseObject({ name: ObjectName, namespace: ObjectName.optional() }),
    spec: NotificationSpec,
    status: NotificationStatus.optional(),
  })
  .meta({
    description: 'Tells a channel, a receiver or a host of commits what becomes of releases.',
  })
export type Notification = z.infer<typeof Notification>
