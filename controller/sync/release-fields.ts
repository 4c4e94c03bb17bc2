// The pod templates of two releases in; what stands for each of them in a file of Git, such as the tag of an image in
// the values of a chart, out. Pure.
import type { RolloutSpec } from '../../crds/rollout.ts'
import type { RevertRequest } from '../../git/revert/revert-plan.ts'

type Include = NonNullable<RolloutSpec['revert']['include']>
type Part = Include['fields'][number]['part']

export type ReleaseFields =
  | NonNullable<RevertRequest['fields']>
  /** In words for people. */
  | { readonly problem: string }

export function releaseFields(
  include: Include,
  templates: { readonly bad: unknown; readonly good: unknown },
): ReleaseFields {
  const images = { bad: imagesOf(templates.bad), good: imagesOf(templates.good) }
  const values: { field: string; bad: string; good: string }[] = []
  for (const { field, container, part } of include.fields) {
    const read = (which: 'bad' | 'good') => partOf(images[which].get(container), part)
    const [bad, good] = [read('bad'), read('good')]
    if (bad === undefined || good === undefined) {
      const which = bad === undefined ? 'bad' : 'good'
      return { problem: `the ${which} release has no container ${container} with a ${part}` }
    }
    values.push({ field, bad, good })
  }
  return { path: include.path, values }
}

/** Images by name of the container. */
function imagesOf(template: unknown): ReadonlyMap<string, string> {
  const spec = member(template, 'spec')
  const all = ['initContainers', 'containers'].flatMap((name) => {
    const list = member(spec, name)
    return Array.isArray(list) ? (list as unknown[]) : []
  })
  return new Map(
    all.flatMap((container) => {
      const [name, image] = [member(container, 'name'), member(container, 'image')]
      return typeof name === 'string' && typeof image === 'string' ? [[name, image] as const] : []
    }),
  )
}

/** Parts of `registry:5000/team/app:1.2@sha256:…`. */
function partOf(image: string | undefined, part: Part): string | undefined {
  if (image === undefined || part === 'image') return image
  const [name = '', digest] = image.split('@', 2)
  if (part === 'digest') return digest
  const colon = name.lastIndexOf(':')
  const hasTag = colon > name.lastIndexOf('/')
  if (part === 'tag') return hasTag ? name.slice(colon + 1) : undefined
  return hasTag ? name.slice(0, colon) : name
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
