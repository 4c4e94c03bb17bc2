// News in, a CloudEvent 1.0 in structured JSON form out. Its id is the same whenever the same news are sent, so that
// a receiver can tell a repetition.
import type { NotificationSpec } from '../../crds/notification.ts'
import type { Render } from './message.ts'
import { filled, releaseOf, wordsOf } from './news.ts'

export const cloudEvent: Render<NonNullable<NotificationSpec['webhook']>> = (letter) => {
  const { settings, spec, news, secret } = letter
  const { object, status, reason, because, at } = news
  const { namespace = '', name, uid } = object.metadata
  const plural = `${object.kind.toLowerCase()}s`
  return {
    url: settings.url,
    headers: {
      'Content-Type': 'application/cloudevents+json; charset=utf-8',
      ...(settings.secretRef && { Authorization: `Bearer ${secret('webhook-token')}` }),
    },
    body: {
      specversion: '1.0',
      id: news.id,
      source: `/apis/${object.apiVersion}/namespaces/${namespace}/${plural}/${name}`,
      type: `dev.sluice.${object.kind.toLowerCase()}.${reason.toLowerCase()}`,
      subject: `${namespace}/${name}`,
      time: wordsOf(news).at,
      datacontenttype: 'application/json',
      data: {
        kind: object.kind,
        namespace,
        name,
        uid,
        reason,
        because,
        at: new Date(at).toISOString(),
        ...(spec.text !== undefined && { text: filled(spec.text, news, (value) => value) }),
        ...(object.kind === 'Rollout' && {
          phase: status.phase,
          progress: status.progress,
          weights: status.weights,
          stable: status.stable,
          release: releaseOf(news),
          revert: status.revert && { state: status.revert.state, commit: status.revert.commit },
        }),
      },
    },
  }
}
