// Configuration that a Rollout names in, copies for one revision out: made from a fresh read, and only while it
// still is what the revision was computed from.
import { label } from '../../crds/names.ts'
import { type ConfigRef, contentDigest, type Hash, revisionOf } from '../../crds/revision.ts'
import { isConflict, type KubeObject } from '../../kube/api.ts'
import { copyName, isCopy, renderCopy } from '../../kube/config-copy.ts'
import { readFleet } from '../../kube/replica-set.ts'
import { replicaSets } from '../../kube/resources.ts'
import { resourceOf } from '../observe/named-kinds.ts'
import type { Observed } from '../observe/observe.ts'
import { assertMayWrite, Fenced, type Hands, readAny, Stalled } from './hands.ts'

/** What the copies of a revision are made from. Throws when it has changed since it was read. */
export async function readConfigs(
  hands: Hands,
  { owner, release }: Observed,
  revision: Hash,
): Promise<KubeObject[]> {
  const refs = (release?.config ?? []).map((one): ConfigRef => one.now)
  const sources = await Promise.all(refs.map((ref) => readOne(hands, owner.namespace, ref)))
  const digests = sources.map((source, at) => ({
    kind: refs[at]?.kind ?? 'ConfigMap',
    name: source.metadata.name,
    digest: contentDigest(source),
  }))
  if (!release || revisionOf(release.template, digests) !== revision) {
    throw new Fenced(`the configuration of revision ${revision} changed since it was read`)
  }
  return sources
}

/** Copies that go with a fleet. One that is there already was made before the controller ended, and is left. */
export async function writeCopies(
  hands: Hands,
  { owner, snapshot }: Observed,
  { fleet, revision, sources }: CopiesOf,
): Promise<void> {
  const { name, uid = '' } = fleet.metadata
  const { apiVersion, kind } = replicaSets
  const reference = { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: false }
  for (const source of sources) {
    const { decision } = snapshot.status
    const copy = renderCopy({ source, rollout: owner.name, revision, owner: reference, decision })
    await createCopy(hands, copy)
  }
}

/** Throws when a fleet has no copy of something that its pods name; they would wait for it for ever. */
export async function assertCopies(hands: Hands, fleet: KubeObject): Promise<void> {
  const { revision, config = [] } = readFleet(fleet) ?? {}
  const { namespace } = fleet.metadata
  for (const { kind, name } of config) {
    const key = { namespace, name: copyName(name, revision ?? '') }
    if (await readAny(hands, resourceOf({ kind }), key)) continue
    throw new Stalled(`the copy of ${kind} ${name} for revision ${revision} cannot be made now`)
  }
}

interface CopiesOf {
  /** The ReplicaSet, with no pods yet. */
  readonly fleet: KubeObject
  readonly revision: Hash
  readonly sources: readonly KubeObject[]
}

async function createCopy(hands: Hands, copy: KubeObject): Promise<void> {
  const resource = resourceOf({ kind: copy.kind === 'Secret' ? 'Secret' : 'ConfigMap' })
  assertMayWrite(hands)
  try {
    await hands.api.create(resource, copy)
  } catch (error) {
    if (!isConflict(error)) throw error
    const { namespace, name } = copy.metadata
    const other = await readAny(hands, resource, { namespace, name })
    if (other && isCopy(other, copy)) return
    // That of a fleet before this is about to be taken away, and is made again then.
    if (!other || isOfRevision(other, copy)) throw error
    throw new Stalled(
      `${copy.kind} ${name} exists and is not the copy of this revision: rename it, or delete it`,
    )
  }
}

function isOfRevision(other: KubeObject, copy: KubeObject): boolean {
  const marks = [label.rollout, label.revision]
  return marks.every((mark) => other.metadata.labels?.[mark] === copy.metadata.labels?.[mark])
}

async function readOne(hands: Hands, namespace: string, ref: ConfigRef): Promise<KubeObject> {
  const object = await readAny(hands, resourceOf(ref), { namespace, name: ref.name })
  if (!object) throw new Fenced(`${ref.kind} ${ref.name} is not there any more`)
  return { ...object, kind: ref.kind }
}
