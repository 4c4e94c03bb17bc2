// What a step may ask of http rules beside its weight, and which meshes would drop it without a word.
import { z } from 'zod'
import { exactlyOne, hasKeysOfAtMost, isSized, keysOfAtMost } from './fields.ts'
import type { Traffic } from './traffic.ts'

const HeaderText = z.string().min(1).max(256)
const oneText = exactlyOne(['exact', 'prefix', 'regex'])

const HeaderValue = z
  .strictObject({
    exact: HeaderText.optional().meta({ description: 'The whole value.' }),
    prefix: HeaderText.optional().meta({ description: 'How the value begins.' }),
    regex: HeaderText.optional().meta({ description: 'RE2 expression of the whole value.' }),
  })
  .refine(oneText.isMet, oneText.message)
  .meta({ ...oneText.meta, description: 'What the value of a header must be.' })
export type HeaderValue = z.infer<typeof HeaderValue>

const sizeRule = 'must have 1 to 8 entries'
const sized = (value: object) => isSized(value, 1, 8)
const bounds = { minProperties: 1, maxProperties: 8, cel: keysOfAtMost(128) }

const Headers = z
  .record(z.string(), HeaderValue)
  .refine(sized, sizeRule)
  .refine(hasKeysOfAtMost(128), 'must have keys of at most 128 characters')
  .meta({ ...bounds, description: 'Headers by name, in lower case; all of them must match.' })

const Cookie = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(128)
      .regex(/^[-A-Za-z0-9_.]+$/, 'must be the name of a cookie')
      .meta({ description: 'Name of the cookie.' }),
    value: z
      .string()
      .min(1)
      .max(128)
      .regex(/^[-A-Za-z0-9_.=]+$/, 'must be the value of a cookie')
      .meta({ description: 'Its whole value.' }),
  })
  .meta({ description: 'A cookie that must be there.' })

const someMatch = 'match must name headers or a cookie'

/** Requests that a step sends to the canary whatever its weight. */
export const StepMatch = z
  .strictObject({ headers: Headers.optional(), cookie: Cookie.optional() })
  .refine((match) => match.headers !== undefined || match.cookie !== undefined, someMatch)
  .meta({
    description: 'Requests that go to the canary whatever its weight, while this step lasts.',
    cel: [{ rule: 'has(self.headers) || has(self.cookie)', message: someMatch }],
  })
export type StepMatch = z.infer<typeof StepMatch>

interface Asking {
  readonly traffic: Traffic
  readonly canary?: { readonly steps: readonly Asked[] } | undefined
}

interface Asked {
  readonly match?: unknown
  readonly mirror?: unknown
}

const steps = (what: string) =>
  `!has(self.canary) || self.canary.steps.all(step, !has(step.${what}))`
const noHttp =
  'has(self.traffic.service) || (has(self.traffic.istio) && (has(self.traffic.istio.tcpRoutes) || has(self.traffic.istio.tlsRoutes)))'

/** What a mesh would drop without a word is refused where it is asked for. */
interface MeshRule {
  readonly isMet: (spec: Asking) => boolean
  readonly message: string
  readonly cel: string
}

export const hasMatch: MeshRule = {
  isMet: (spec) => isHttp(spec.traffic) || !asks(spec, 'match'),
  message: 'match needs http rules of a mesh: a plain Service, tcp and tls know no headers',
  cel: `!(${noHttp}) || ${steps('match')}`,
}

export const hasMirror: MeshRule = {
  isMet: (spec) => (isHttp(spec.traffic) && !spec.traffic.linkerd) || !asks(spec, 'mirror'),
  message:
    'mirror needs http rules of Istio or the Gateway API: Linkerd drops a route that mirrors',
  cel: `!(has(self.traffic.linkerd) || ${noHttp}) || ${steps('mirror')}`,
}

function isHttp({ service, istio }: Traffic): boolean {
  return !service && !(istio?.tcpRoutes || istio?.tlsRoutes)
}

function asks(spec: Asking, what: keyof Asked): boolean {
  return (spec.canary?.steps ?? []).some((step) => step[what] !== undefined)
}
