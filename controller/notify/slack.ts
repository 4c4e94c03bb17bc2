// News in, a message for an incoming webhook of Slack out.
import { type Render, usualText } from './message.ts'
import { filled } from './news.ts'

/** Values can not make links, mentions or markup; the text of the Notification can. */
export const slack: Render<object> = ({ spec, news, secret }) => ({
  url: secret('url'),
  headers: {},
  body: { text: filled(spec.text ?? usualText, news, escaped) },
})

function escaped(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
