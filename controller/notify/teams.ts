// News in, an adaptive card for a workflow of Microsoft Teams out.
import { type Render, usualText } from './message.ts'
import { filled, wordsOf } from './news.ts'

export const teams: Render<object> = ({ spec, news, secret }) => {
  const { revision, commit, author, step, weight } = wordsOf(news)
  const facts = Object.entries({ revision, commit, author, step, weight })
    .filter(([, value]) => value !== '')
    .map(([title, value]) => ({ title, value: escaped(value) }))
  const text = filled(spec.text ?? usualText, news, escaped)
  return {
    url: secret('url'),
    headers: {},
    body: {
      type: 'message',
      attachments: [
        {
          contentType: 'application/vnd.microsoft.card.adaptive',
          contentUrl: null,
          content: {
            $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
            type: 'AdaptiveCard',
            version: '1.4',
            body: [
              { type: 'TextBlock', text, wrap: true },
              ...(spec.text === undefined && facts.length > 0 ? [{ type: 'FactSet', facts }] : []),
            ],
          },
        },
      ],
    },
  }
}

/** Values can not make links or markup; a card reads a little Markdown. */
function escaped(value: string): string {
  return value.replaceAll(/[\\[\]()*_`#<>]/g, (mark) => `\\${mark}`)
}
