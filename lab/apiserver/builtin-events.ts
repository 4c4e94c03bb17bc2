// Events: what a new one must say. The newer version is strict, the older one takes what it always took.
import type { KubeObject } from '../../kube/api.ts'
import { objectOf, textOf } from './json.ts'
import type { Cause } from './status-error.ts'

const textLimit = 128
const noteLimit = 1_024
const strict = 'events.k8s.io/v1'

/** Field names of the older version, as the causes of the real server name them. */
const stated: readonly [field: string, newer: string, older: string][] = [
  ['reportingController', 'reportingController', 'reportingComponent'],
  ['reportingInstance', 'reportingInstance', 'reportingInstance'],
  ['action', 'action', 'action'],
  ['reason', 'reason', 'reason'],
]

export function validateEvent(event: KubeObject): Cause[] {
  const isStrict = event.apiVersion === strict
  const about = objectOf(event[isStrict ? 'regarding' : 'involvedObject'])
  const causes = namespaceCauses(event, textOf(about['namespace']))
  if (isStrict && !event['eventTime']) causes.push(required('eventTime'))
  if (isStrict && event['type'] !== 'Normal' && event['type'] !== 'Warning') {
    causes.push(invalid('type', `"": has invalid value: ${textOf(event['type'])}`))
  }
  if (!event['eventTime']) return causes
  for (const [field, newer, older] of stated) {
    const text = textOf(event[isStrict ? newer : older])
    if (text === '') causes.push(required(field))
    if (text.length > textLimit) causes.push(tooLong(field, textLimit))
  }
  const note = textOf(event[isStrict ? 'note' : 'message'])
  if (note.length > noteLimit) causes.push(tooLong('message', noteLimit))
  return causes
}

/** An event of the newer kind may regard an object of another namespace, but none without namespace. */
function namespaceCauses({ metadata, eventTime }: KubeObject, regarded: string): Cause[] {
  const own = metadata.namespace ?? ''
  const isOfCluster = own === 'default' || (own === 'kube-system' && eventTime !== undefined)
  const isRight = regarded === '' ? isOfCluster : eventTime !== undefined || regarded === own
  if (isRight) return []
  return [invalid('involvedObject.namespace', `"${regarded}": does not match event.namespace`)]
}

const required = (field: string): Cause => ({
  reason: 'FieldValueRequired',
  field,
  message: 'Required value',
})

const invalid = (field: string, why: string): Cause => ({
  reason: 'FieldValueInvalid',
  field,
  message: `Invalid value: ${why}`,
})

const tooLong = (field: string, limit: number): Cause =>
  invalid(field, `"": can have at most ${limit} characters`)
