// One letter in, what became of it out: the Secret is read, the message made of it, and posted.
import { Buffer } from 'node:buffer'
import type { NotificationSpec } from '../../crds/notification.ts'
import { isNotFound, type KubeApi } from '../../kube/api.ts'
import { secrets } from '../../kube/resources.ts'
import type { Message } from './message.ts'
import type { News } from './news.ts'
import { type Answer, type PostOptions, post } from './post.ts'
import { messageOf, providerOf } from './provider.ts'

export interface Addressee {
  readonly spec: NotificationSpec
  /** Of the Notification, and of its Secret. */
  readonly namespace: string | undefined
}

export interface DeliveryOptions extends PostOptions {
  readonly api: KubeApi
  /** How a message travels; over HTTP unless told. */
  readonly send?: typeof post | undefined
}

/** Null when the receiver has no use for these news. Never rejects. */
export async function deliver(
  { api, send = post, ...options }: DeliveryOptions,
  { spec, namespace }: Addressee,
  news: News,
): Promise<Answer | null> {
  const { secretName } = providerOf(spec)
  let message: Message | null
  try {
    const data = secretName ? await readSecret(api, { namespace, name: secretName }) : {}
    message = messageOf(spec, news, (key) => secretValue(data, key, secretName ?? ''))
  } catch (error) {
    return { kind: 'refused', because: error instanceof Error ? error.message : String(error) }
  }
  return message && send(message, options)
}

type SecretData = Readonly<Record<string, unknown>>

async function readSecret(
  api: KubeApi,
  key: { readonly namespace: string | undefined; readonly name: string },
): Promise<SecretData> {
  try {
    return (await api.get(secrets, key))['data'] ?? {}
  } catch (error) {
    if (isNotFound(error)) throw new Error(`there is no Secret ${key.name} in this namespace`)
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`Secret ${key.name} can not be read: ${reason}`, { cause: error })
  }
}

const maxSecretCharacters = 8_192

function secretValue(data: SecretData, key: string, name: string): string {
  const encoded = Object.hasOwn(data, key) ? data[key] : undefined
  const value = typeof encoded === 'string' ? Buffer.from(encoded, 'base64').toString().trim() : ''
  if (value === '') throw new Error(`Secret ${name} has no key "${key}"`)
  if (value.length > maxSecretCharacters || /[^\x21-\x7e]/.test(value)) {
    throw new Error(`key "${key}" of Secret ${name} is too long or no plain text`)
  }
  return value
}
