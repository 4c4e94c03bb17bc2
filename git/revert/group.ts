// Reverts wanted at one moment and the tip of a branch in; the commits they need, or why they need none, out.
// What all of them need of git is asked at once: the cost of a group is that of one revert, nearly.
import type { Mirror } from '../repository/mirror.ts'
import { isCommitId, pathProblem } from '../repository/names.ts'
import { type Blob, resolveNames } from '../repository/object-batch.ts'
import { type FoundRelease, type Search, type Version, versionOf } from './history.ts'
import { isOwnCommit, trailersOf } from './message.ts'
import {
  type CommitPlan,
  type Known,
  type PlanContext,
  type PlannedFile,
  planRevert,
  type RevertRequest,
  type RevertResult,
} from './revert-plan.ts'

export interface GroupContext {
  readonly mirror: Mirror
  readonly isIncluded: (path: string) => boolean
  readonly tip: string
  /** For decisions that expire, in ms since epoch. */
  readonly nowMs?: number
}

export interface Group {
  /** In the order of the requests; each stands on the one before. */
  readonly plans: readonly CommitPlan[]
  /** By key: what needs no commit. */
  readonly results: ReadonlyMap<string, RevertResult>
}

export async function planGroup(
  context: GroupContext,
  requests: readonly RevertRequest[],
): Promise<Group> {
  if (requests.length === 0) return { plans: [], results: new Map() }
  const own = await ownCommits(context, requests)
  const files = await readFiles(context, requests)
  const authors = await authorsOf(context, requests)
  const results = new Map<string, RevertResult>()
  const plans: CommitPlan[] = []
  const texts = new Map<string, string>()
  for (const request of requests) {
    const known: Known = {
      ...earlier(own, request),
      ...releasesOf(context, files, request),
      authors,
      isExpired: isExpired(request, context.nowMs),
    }
    const plan = await planRevert({ ...context, texts } satisfies PlanContext, request, known)
    if (plan.kind === 'done') results.set(request.key, plan.result)
    else {
      for (const { path, text } of plan.files) texts.set(path, text)
      plans.push(plan)
    }
  }
  return { plans: await withModes(context, plans, results), results }
}

const longestDecisionMs = 20 * 60_000

function isExpired({ decidedAtMs }: RevertRequest, nowMs: number | undefined): boolean {
  if (decidedAtMs === undefined || nowMs === undefined) return false
  return nowMs - decidedAtMs > longestDecisionMs
}

/** The mode of each file stays; a symbolic link is never written through. */
async function withModes(
  { mirror, tip }: GroupContext,
  plans: readonly CommitPlan[],
  results: Map<string, RevertResult>,
): Promise<CommitPlan[]> {
  if (plans.length === 0) return []
  const paths = plans.flatMap(({ files }) => files.flatMap(pathsOf))
  const modes = await mirror.modes(tip, [...new Set(paths)])
  const isThere = (path: string) => modes.get(path)?.startsWith('100') === true
  return plans.flatMap((plan) => {
    const odd = plan.files.find((file) => !(file.isNew ? isFree(file, modes) : isThere(file.path)))
    if (!odd) {
      const withMode = ({ path, text }: PlannedFile): PlannedFile => {
        return { path, text, isExecutable: modes.get(path) === '100755' }
      }
      return [{ ...plan, files: plan.files.map(withMode) }]
    }
    const because = `${odd.path} is not a plain file; restore ${plan.changed} by hand`
    results.set(plan.request.key, { state: 'NeedsHuman', because })
    return []
  })
}

/** With the folders around a file that is new: one of them may be a link, or a file. */
function pathsOf({ path, isNew }: PlannedFile): string[] {
  if (!isNew) return [path]
  const parts = path.split('/')
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'))
}

function isFree(file: PlannedFile, modes: ReadonlyMap<string, string>): boolean {
  const [path, ...folders] = pathsOf(file).reverse()
  const isFolder = (folder: string) => (modes.get(folder) ?? '040000') === '040000'
  return !modes.has(path ?? '') && folders.every(isFolder)
}

interface OwnCommit {
  readonly id: string
  readonly trailers: ReadonlyMap<string, string>
}

/** Our commits in the history of the tip that speak of these reverts: answers that were lost, or older ones. */
async function ownCommits(
  { mirror, tip }: GroupContext,
  requests: readonly RevertRequest[],
): Promise<OwnCommit[]> {
  const words = requests.flatMap(({ key, bad }) => [
    `Sluice-Key: ${key}`,
    `Sluice-Bad: ${bad.revision}`,
  ])
  const patterns = [...new Set(words)].map((word) => `--grep=${word}`)
  const flags = ['-F', ...patterns, '--max-count=5000', '-z', '--format=%H%n%B']
  const output = await mirror.run([
    'log',
    ...flags,
    '--end-of-options',
    ...(await recent(mirror, tip)),
  ])
  return output
    .toString('utf8')
    .split('\0')
    .flatMap((record) => {
      const newline = record.indexOf('\n')
      const message = record.slice(newline + 1)
      if (newline < 0 || !isOwnCommit(message)) return []
      return [{ id: record.slice(0, newline), trailers: trailersOf(message) }]
    })
}

const recentCommits = 20_000

/** The newest commits of a branch, as arguments: a search of old history must not grow with its age. */
async function recent(mirror: Mirror, tip: string): Promise<string[]> {
  const flags = ['--max-count=1', `--skip=${recentCommits}`]
  const output = await mirror.run(['rev-list', ...flags, '--end-of-options', tip])
  const oldest = output.toString('latin1').trim()
  return oldest === '' ? [tip] : [tip, `^${oldest}`]
}

function earlier(own: readonly OwnCommit[], request: RevertRequest): Pick<Known, 'same' | 'other'> {
  const name = `${request.rollout.namespace}/${request.rollout.name}`
  const same = own.find(({ trailers }) => trailers.get('Sluice-Key') === request.key)
  const other = own.find(
    ({ trailers }) =>
      trailers.get('Sluice-Rollout') === name &&
      trailers.get('Sluice-Bad') === request.bad.revision,
  )
  return { same: same?.id, other: other?.id }
}

type Files = ReadonlyMap<string, Blob>

/** The files where the controller saw the releases, by `commit:path`. */
async function readFiles(
  context: GroupContext,
  requests: readonly RevertRequest[],
): Promise<Files> {
  const names = new Set(requests.flatMap((request) => Object.values(namesOf(context, request))))
  const { mirror } = context
  const found = await resolveNames((args, more) => mirror.run(args, more), [...names])
  const sizes = new Map([...found.values()].map(({ id, bytes }) => [id, bytes]))
  const blobs = new Map<string, Blob>()
  for await (const [id, blob] of mirror.streamBlobs(sizes)) blobs.set(id, blob)
  return new Map(
    [...found].flatMap(([name, { id }]) => {
      const blob = blobs.get(id)
      return blob ? [[name, blob] as const] : []
    }),
  )
}

function namesOf({ tip, isIncluded }: GroupContext, { bad, good, path, fields }: RevertRequest) {
  if (fields) return pathProblem(fields.path) === null ? { tip: `${tip}:${fields.path}` } : {}
  if (path === undefined || pathProblem(path) !== null || !isIncluded(path)) return {}
  const at = (commit: string | undefined, suffix = '') =>
    commit !== undefined && isCommitId(commit) ? `${commit}${suffix}:${path}` : undefined
  const names = {
    tip: at(tip),
    bad: at(bad.commit),
    beforeBad: at(bad.commit, '^1'),
    good: at(good.commit),
  }
  return Object.fromEntries(Object.entries(names).filter(([, name]) => name !== undefined)) as {
    readonly [Name in keyof typeof names]?: string
  }
}

/**
 * Both releases without a walk through the history, where the remembered commits tell enough: the bad one came
 * with its commit, and before it the file held the good one.
 */
function releasesOf(
  context: GroupContext,
  files: Files,
  request: RevertRequest,
): Pick<Known, 'current' | 'releases' | 'fieldsText'> {
  const { mirror, isIncluded } = context
  const { rollout, bad, good, path = '' } = request
  const search: Search = { mirror, rollout, isIncluded }
  const names = namesOf(context, request)
  if (request.fields) {
    const blob = files.get(names.tip ?? '')
    return { fieldsText: blob?.kind === 'text' ? blob.text : null }
  }
  const read = (name: string | undefined, commit: string | undefined): Version | null => {
    const blob = name === undefined ? undefined : files.get(name)
    if (blob?.kind !== 'text' || commit === undefined) return null
    return versionOf(search, { commit, path, text: blob.text })
  }
  const current = read(names.tip, context.tip) ?? undefined
  const badVersion = read(names.bad, bad.commit)
  const before = read(names.beforeBad, bad.commit)
  const since = read(names.good, good.commit)
  const isKnown =
    badVersion?.revision === bad.revision &&
    before?.revision === good.revision &&
    since?.revision === good.revision
  if (!isKnown) return { current }
  const found = (version: Version, commit: string | undefined): FoundRelease => ({
    ...version,
    since: commit ?? version.commit,
  })
  return {
    current,
    releases: { bad: found(badVersion, bad.commit), good: found(before, good.commit) },
  }
}

async function authorsOf(
  { mirror, tip }: GroupContext,
  requests: readonly RevertRequest[],
): Promise<ReadonlyMap<string, string>> {
  const ids = requests.flatMap(({ bad }) =>
    bad.commit !== undefined && isCommitId(bad.commit) ? [bad.commit] : [],
  )
  const flags = ['--no-walk=unsorted', '--ignore-missing', '-z', '--format=%H %an']
  // The tip is there for sure: without any commit git would look for a HEAD.
  const output = await mirror.run(['log', ...flags, '--end-of-options', ...new Set([tip, ...ids])])
  return new Map(
    output
      .toString('utf8')
      .split('\0')
      .map((line) => {
        const [id = ''] = line.split(' ', 1)
        return [
          id,
          line
            .slice(id.length + 1)
            .trim()
            .slice(0, 128),
        ] as const
      }),
  )
}
