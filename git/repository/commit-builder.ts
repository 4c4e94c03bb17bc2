// Files and a parent in; a commit in the object store out. No work tree and no index: one stream to git, which
// reads of the old tree only what lies on the way to a changed file.
import { GitError } from './command.ts'
import { type OpenPgpKey, withKeyRing } from './key-ring.ts'
import { MirrorError } from './mirror-error.ts'
import type { RunGit } from './object-batch.ts'

export interface Author {
  readonly name: string
  readonly email: string
}

export interface ChangedFile {
  /** The new text, or null to delete the file. */
  readonly text: string | null
  /** An executable file stays executable. */
  readonly isExecutable?: boolean | undefined
}

export interface FilesOfCommit {
  readonly files: ReadonlyMap<string, ChangedFile>
  readonly message: string
}

export interface ChainInput {
  /** Null for the first commit of a repository. */
  readonly parent: string | null
  readonly plans: readonly FilesOfCommit[]
  readonly author: Author
  readonly nowMs: number
  /** With it every commit is signed. */
  readonly signing?: Signing | undefined
}

/** A key by its file. */
export type Signing =
  | { readonly kind: 'ssh'; readonly keyFile: string }
  | ({ readonly kind: 'openpgp' } & OpenPgpKey)

/** Overwritten by each group of commits; it only keeps them until they are pushed. */
const workRef = 'refs/sluice-work/group'

/** Commits on top of each other, in order; returns their ids. No branch refers to them until they are pushed. */
export async function buildCommits(run: RunGit, input: ChainInput): Promise<string[]> {
  const { parent, plans } = input
  if (plans.length === 0) return []
  // Deleted first, or a first commit without a parent would stand on the group before.
  const head = `reset ${workRef}\n${parent === null ? '' : `from ${parent}\n`}\n`
  const stream = plans.map((plan, i) => commitText(plan, { input, mark: i + 1 })).join('')
  const marks = plans.map((_, i) => `get-mark :${i + 1}\n`).join('')
  const output = await run(['fast-import', '--quiet', '--force', '--done'], {
    input: `${head}${stream}${marks}done\n`,
  })
  const ids = output.toString('latin1').trim().split('\n')
  if (ids.length !== plans.length) throw new Error('git made another number of commits than asked')
  return input.signing === undefined ? ids : signed(run, ids, { ...input, signing: input.signing })
}

function commitText(
  { files, message }: FilesOfCommit,
  { input, mark }: { input: ChainInput; mark: number },
): string {
  const { author, nowMs } = input
  const who = `${plain(author.name)} <${plain(author.email)}> ${Math.floor(nowMs / 1_000)} +0000`
  const changes = [...files].map(([path, { text, isExecutable }]) =>
    text === null
      ? `D ${quoted(path)}\n`
      : `M ${isExecutable ? '100755' : '100644'} inline ${quoted(path)}\n${data(text)}`,
  )
  const head = `commit ${workRef}\nmark :${mark}\nauthor ${who}\ncommitter ${who}\n`
  return `${head}${data(message)}${changes.join('')}\n`
}

type SignedInput = ChainInput & { readonly signing: Signing }

/** The stream can not sign: each commit is made again, with its tree, by the command that can. */
async function signed(run: RunGit, ids: readonly string[], input: SignedInput): Promise<string[]> {
  const { signing } = input
  try {
    if (signing.kind === 'ssh') {
      return await again(run, ids, { input, by: settingsFor('ssh', signing.keyFile) })
    }
    return await withKeyRing(signing, (fingerprint) => {
      const by = { ...settingsFor('openpgp', fingerprint), GNUPGHOME: signing.keyRing }
      return again(run, ids, { input, by })
    })
  } catch (error) {
    // It is the fault of the key: another mirror would not help.
    if (!(error instanceof GitError)) throw error
    throw new MirrorError('other', `the commit can not be signed: ${error.words}`, error)
  }
}

function settingsFor(format: 'ssh' | 'openpgp', key: string): Record<string, string> {
  return {
    GIT_CONFIG_COUNT: '2',
    GIT_CONFIG_KEY_0: 'gpg.format',
    GIT_CONFIG_VALUE_0: format,
    GIT_CONFIG_KEY_1: 'user.signingkey',
    GIT_CONFIG_VALUE_1: key,
  }
}

async function again(
  run: RunGit,
  ids: readonly string[],
  { input, by }: { readonly input: SignedInput; readonly by: Record<string, string> },
): Promise<string[]> {
  const environment = { ...identity(input), ...by }
  const result: string[] = []
  let parent = input.parent
  for (const [i, id] of ids.entries()) {
    const parents = parent === null ? [] : ['-p', parent]
    const made = await run(['commit-tree', '-S', ...parents, '-F', '-', `${id}^{tree}`], {
      environment,
      input: input.plans[i]?.message ?? '',
    })
    parent = made.toString('latin1').trim()
    result.push(parent)
  }
  return result
}

function identity({ author, nowMs }: ChainInput): Record<string, string> {
  const date = `${Math.floor(nowMs / 1_000)} +0000`
  return {
    GIT_AUTHOR_NAME: plain(author.name),
    GIT_AUTHOR_EMAIL: plain(author.email),
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: plain(author.name),
    GIT_COMMITTER_EMAIL: plain(author.email),
    GIT_COMMITTER_DATE: date,
  }
}

const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`
const plain = (value: string) =>
  [...value].filter((c) => c >= ' ' && !'<>\x7f'.includes(c)).join('')
const quoted = (path: string) =>
  `"${path.replaceAll(/["\\]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\r', '\\r')}"`
