// For tests: a bare repository in a temporary directory, and people who push to it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type GitOptions, git } from './command.ts'

export type Files = Readonly<Record<string, string | null>>

export async function createRepository() {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-git-'))
  const repository = join(directory, 'upstream.git')
  await git(['init', '--quiet', '--bare', '-b', 'main', repository], { home: directory })
  const run = (args: readonly string[], more?: Partial<GitOptions>) =>
    git(args, { home: directory, gitDirectory: repository, ...more })
  const text = async (args: readonly string[]) => (await run(args)).toString('utf8').trim()
  const head = async (branch = 'main') =>
    (await text(['for-each-ref', '--format=%(objectname)', `refs/heads/${branch}`])) || null
  let seconds = 1_700_000_000

  async function commit(
    files: Files,
    more: { message?: string; parent?: string; branch?: string } = {},
  ) {
    seconds += 60
    const branch = more.branch ?? 'main'
    const from = more.parent ?? (await head(branch))
    const message = more.message ?? 'change'
    const stream = [
      `commit refs/heads/${branch}\ncommitter Ada <ada@example.com> ${seconds} +0000\n`,
      data(message),
      from ? `from ${from}\n` : '',
      ...Object.entries(files).map(([path, content]) =>
        content === null ? `D ${path}\n` : `M 100644 inline ${path}\n${data(content)}`,
      ),
    ]
    await run(['fast-import', '--quiet', '--force'], { input: stream.join('') })
    const id = await head(branch)
    if (id === null) throw new Error('fast-import made no commit')
    return id
  }

  return {
    url: `file://${repository}`,
    repository,
    mirrorDirectory: join(directory, 'mirror'),
    run,
    text,
    head,
    commit,
    read: async (path: string, at = 'main') =>
      (await run(['show', `${at}:${path}`])).toString('utf8'),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}
export type Repository = Awaited<ReturnType<typeof createRepository>>

const data = (content: string) => `data ${Buffer.byteLength(content)}\n${content}\n`

/** A Rollout with what matters; everything else is a valid default. */
export function rolloutText({ name = 'checkout', image = 'app:1', more = '' } = {}): string {
  return `apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata:
  name: ${name}
spec:
  replicas: 3 # a comment
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      containers:
        - name: app
          image: ${image} # pinned
  traffic:
    istio: { host: ${name} }
  canary:
    steps:
      - { weight: 50 }
${more}`
}
