// Texts in, RE2 expressions that match them out; anchored, because meshes differ in what they anchor.
import type { HeaderValue, StepMatch } from '../crds/step-match.ts'

/** Matches a Cookie header in which this cookie stands, at any place. */
export function cookiePattern({ name, value }: NonNullable<StepMatch['cookie']>): string {
  return `^(.*;\\s*)?${literal(`${name}=${value}`)}(;.*)?$`
}

/** For meshes that know exact values and expressions only. */
export function headerPattern({ exact, prefix, regex }: HeaderValue): string {
  if (prefix !== undefined) return `^${literal(prefix)}.*$`
  return exact === undefined ? `^(?:${regex ?? ''})$` : `^${literal(exact)}$`
}

function literal(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
