// The type and the text of a template's argument in, whether they fit out; and which fields of a check an argument
// may set, because numbers and times can not stand as text. No package is imported here.

export const argumentTypes = ['string', 'number', 'duration', 'boolean'] as const
export type ArgumentType = (typeof argumentTypes)[number]

/** Read alike by RegExp and by CEL. */
export const argumentPatterns = {
  number: '^-?[0-9]{1,18}([.][0-9]{1,18})?(e-?[0-9]{1,2})?$',
  duration: '^([0-9]{1,9}(ms|s|m|h))+$',
  boolean: '^(true|false)$',
} as const

export function isOfType(type: ArgumentType, value: string): boolean {
  return type === 'string' || new RegExp(argumentPatterns[type]).test(value)
}

/** Fields that an argument may set, by its type; what measures a check stands beside its kind. */
export const settableFields = {
  number: [
    'successRate.min',
    'latency.quantile',
    'compare.margin',
    'compare.floorPercent',
    'compare.alphaPercent',
    'compare.toleratedRatio',
    'compare.toleratedRisePercent',
    'prometheus.min',
    'prometheus.max',
    'datadog.min',
    'datadog.max',
    'cloudWatch.min',
    'cloudWatch.max',
    'webhook.min',
    'webhook.max',
    'count',
    'consecutiveSuccessLimit',
    'failureLimit',
    'inconclusiveLimit',
    'consecutiveErrorLimit',
  ],
  duration: [
    'latency.max',
    'compare.warmup',
    'compare.sustain',
    'cloudWatch.period',
    'interval',
    'window',
    'initialDelay',
  ],
} as const
export type SettableField = (typeof settableFields)[keyof typeof settableFields][number]

/** Matches the fields of one type; read alike by RegExp and by CEL. */
export const durationFields = `^(${settableFields.duration.join('|').replaceAll('.', '[.]')})$`

export function isFieldOfType(type: ArgumentType, field: string): boolean {
  if (type !== 'number' && type !== 'duration') return false
  return settableFields[type].some((one) => one === field)
}

/** The part of a check that must be written for the field to have a place: its kind, or the interval. */
export function partOf(field: SettableField): string {
  const [kind, inner] = field.split('.')
  return inner === undefined ? 'interval' : (kind ?? '')
}
