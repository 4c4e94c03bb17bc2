// The type and the text of a template's argument in, whether they fit out. No package is imported here.

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
