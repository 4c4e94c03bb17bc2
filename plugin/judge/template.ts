// A Rollout and the files around it in, the checks that run for it out, those of its template among them: out of the
// same files, out of the folder of the file, or out of the cluster.
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Check } from '../../crds/check.ts'
import { ApiRefusal, Failure } from '../failure.ts'
import { connect, type Invocation } from '../invocation.ts'
import { type Json, record, text } from '../json.ts'
import type { Sound } from '../lint/lint.ts'

export interface Reference {
  readonly kind: string
  readonly name: string
  /** Empty for a template of the cluster, and where the file names none. */
  readonly namespace: string
}

/** The template that a Rollout names; null for one that names none. */
export function referenceOf({ namespace, object }: Sound): Reference | null {
  const { kind, name } = record(record(record(object['spec'])['analysis'])['templateRef'])
  const template = text(name)
  if (template === undefined) return null
  const isCluster = kind === 'ClusterAnalysisTemplate'
  return { kind: text(kind) ?? '', name: template, namespace: isCluster ? '' : namespace }
}

/** The template among objects that were read; undefined when it stands elsewhere. */
export function templateIn(sound: readonly Sound[], wanted: Reference): Json | undefined {
  const { kind, name, namespace } = wanted
  return sound.find((one) => one.kind === kind && one.name === name && one.namespace === namespace)
    ?.object
}

/** The Rollout with the checks of its template as its own, where that stands among objects that were read. */
export async function withTemplate(rollout: Sound, sound: readonly Sound[]): Promise<Json> {
  const { object } = rollout
  const reference = referenceOf(rollout)
  const template = reference && templateIn(sound, reference)
  if (!template) return object
  const { resolved } = await import('../lint/references.ts')
  const spec = record(object['spec'])
  const { templateRef: _, ...analysis } = record(spec['analysis'])
  const found = resolved(record(spec['analysis']), record(template['spec']))
  if (found.kind === 'problem') return object
  return { ...object, spec: { ...spec, analysis: { ...analysis, checks: found.checks } } }
}

/** All checks of a Rollout; `sound`: objects of the files that it was read with. Fails with what is missing. */
export async function checksOf(
  rollout: Sound,
  sound: readonly Sound[],
  invocation: Invocation,
): Promise<readonly Check[]> {
  const { resolved } = await import('../lint/references.ts')
  const reference = referenceOf(rollout)
  const template =
    reference &&
    (templateIn(sound, reference) ??
      (await templateBeside(reference, invocation)) ??
      (await templateInCluster(reference, invocation)))
  const analysis = record(record(rollout.object['spec'])['analysis'])
  const found = resolved(analysis, template && record(template['spec']))
  if (found.kind === 'problem') throw new Failure(`Rollout ${rollout.name}: ${found.because}`)
  return found.checks
}

const mostFiles = 1_000

/** Other files of the folder may hold anything: what is wrong in them is not told here. */
async function templateBeside(
  wanted: Reference,
  { flags, world }: Invocation,
): Promise<Json | undefined> {
  const file = flags.value('filename')
  if (file === undefined || file === '-') return undefined
  const [{ readSources }, { lint }] = await Promise.all([
    import('../lint/files.ts'),
    import('../lint/lint.ts'),
  ])
  const folder = dirname(file)
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ya?ml|json)$/.test(entry.name))
    .map(({ name }) => join(folder, name))
  return templateIn(lint(await readSources(names.slice(0, mostFiles), world)).sound, wanted)
}

async function templateInCluster(wanted: Reference, invocation: Invocation): Promise<Json> {
  const { kind, name } = wanted
  try {
    const { client, namespace } = await connect(invocation)
    const within =
      kind === 'ClusterAnalysisTemplate'
        ? '/clusteranalysistemplates'
        : `/namespaces/${wanted.namespace || namespace}/analysistemplates`
    return await client.ask({
      path: `/apis/sluice.dev/v1alpha1${within}/${encodeURIComponent(name)}`,
    })
  } catch (cause) {
    const isMissing = cause instanceof ApiRefusal && cause.code === 404
    const reason = cause instanceof Error ? cause.message : String(cause)
    const why = isMissing ? 'nor in the cluster' : `and the cluster can not be asked: ${reason}`
    throw new Failure(`${kind} ${name} stands neither in the files nor beside them, ${why}`, {
      cause,
    })
  }
}
