// Random people and image bots who commit while Sluice restores: at most one revert for each bad release, the
// last word of a person stays, neighbours keep every byte, and nobody's commit is ever lost.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createRepository, type Repository, rolloutText } from '../repository/repository.fixture.ts'
import { isOwnCommit, trailersOf } from '../revert/message.ts'
import { open, request, revision } from './writer.fixture.ts'

// More runs, or others: SLUICE_RUNS=1000 SLUICE_SEED=7 node --test git/write/writer-random.test.ts
const runs = Number(process.env['SLUICE_RUNS'] ?? 24)
const seed = Number(process.env['SLUICE_SEED'] ?? 1)

// Mostly the bad release, so that people ask for it again.
const releases = ['app:1', 'app:2', 'app:2', 'app:2', 'app:3'] as const
const goodImage = releases[0]

type Edit =
  | { readonly kind: 'image'; readonly image: string }
  | { readonly kind: 'replicas'; readonly replicas: number }
  | { readonly kind: 'neighbour'; readonly word: string }
  | { readonly kind: 'move' }
  | { readonly kind: 'delete' }
type Step =
  | { readonly kind: 'person'; readonly edit: Edit }
  /** Sluice restores while people commit. */
  | { readonly kind: 'revert'; readonly attempt: number; readonly during: readonly Edit[] }
  | { readonly kind: 'restart' }

const edit: fc.Arbitrary<Edit> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constant('image' as const),
      image: fc.constantFrom(...releases, 'hotfix:9'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('replicas' as const),
      replicas: fc.integer({ min: 1, max: 9 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('neighbour' as const),
      word: fc.constantFrom('x', 'y', 'z'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('move' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const) }) },
)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('person' as const), edit }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('revert' as const),
      attempt: fc.integer({ min: 1, max: 2 }),
      during: fc.array(edit, { maxLength: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
)
const scenario = fc.array(step, { minLength: 3, maxLength: 7 })

/** Two Rollouts in one file, so that a neighbour is never further away than a line. */
const fileText = (image: string, replicas: number, word: string) =>
  `${rolloutText({ image }).replace('replicas: 3', `replicas: ${replicas}`)}---\n${rolloutText({ name: 'neighbour', image: word })}`

interface State {
  readonly path: string
  readonly image: string | null
  readonly replicas: number
  readonly word: string
}

async function stateOf(repo: Repository, at = 'main'): Promise<State> {
  const path = (await repo.text(['ls-tree', '-r', '--name-only', at])).split('\n')[0] ?? ''
  const text = path === '' ? '' : await repo.read(path, at)
  const images = [...text.matchAll(/image: (\S+)/g)].map(([, image]) => image ?? '')
  return {
    path,
    image: images.length > 1 ? (images[0] ?? null) : null,
    replicas: Number(/replicas: (\d+)/.exec(text)?.[1] ?? 3),
    word: images.at(-1) ?? 'x',
  }
}

/** A person reads the branch, edits, and pushes; when somebody was faster, reads again. */
async function commitAs(repo: Repository, one: Edit): Promise<string | null> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const parent = await repo.head()
    assert.ok(parent)
    const before = await stateOf(repo, parent)
    const after = {
      ...before,
      ...(one.kind === 'image' ? { image: one.image } : {}),
      ...(one.kind === 'replicas' ? { replicas: one.replicas } : {}),
      ...(one.kind === 'neighbour' ? { word: one.word } : {}),
      ...(one.kind === 'delete' ? { image: null } : {}),
      path: one.kind === 'move' ? (before.path === 'a.yaml' ? 'b/c.yaml' : 'a.yaml') : before.path,
    }
    const text =
      after.image === null
        ? rolloutText({ name: 'neighbour', image: after.word })
        : fileText(after.image, after.replicas, after.word)
    const moved = after.path === before.path ? {} : { [before.path]: null }
    const branch = `person-${Math.floor(performance.now() * 1_000)}`
    const id = await repo.commit({ ...moved, [after.path]: text }, { parent, branch })
    try {
      await repo.run(['update-ref', 'refs/heads/main', id, parent])
      return id
    } catch {
      // Sluice was faster.
    }
  }
  return null
}

/** Returns how many commits Sluice made. */
async function run(steps: readonly Step[]): Promise<number> {
  const repo = await createRepository()
  try {
    await repo.commit({ 'a.yaml': fileText(goodImage, 3, 'x') })
    const people = [await commitAs(repo, { kind: 'image', image: 'app:2' })]
    let { writer } = open(repo)
    let mirrors = 0
    for (const one of steps) {
      if (one.kind === 'person') people.push(await commitAs(repo, one.edit))
      else if (one.kind === 'restart') {
        mirrors += 1
        writer = open(repo, `${repo.mirrorDirectory}-${mirrors}`).writer
      } else {
        const { image } = await stateOf(repo)
        const bad = image !== null && image !== goodImage ? image : 'app:2'
        const badRevision = revision(rolloutText({ image: bad }))
        const wanted = request({
          bad: { revision: badRevision },
          key: `u1/${badRevision}/${one.attempt}`,
        })
        const [, committed] = await Promise.all([
          writer.revert(wanted),
          inTurn(one.during, (edit) => commitAs(repo, edit)),
        ])
        people.push(...committed)
      }
    }
    return await check(repo, people)
  } finally {
    repo.remove()
  }
}

async function check(repo: Repository, people: readonly (string | null)[]): Promise<number> {
  const log = await repo.text(['log', '--first-parent', '-z', '--format=%H%n%B', 'main'])
  const commits = log.split('\0').map((record) => {
    const [id = '', ...message] = record.split('\n')
    return { id, message: message.join('\n') }
  })
  const ids = new Set(commits.map(({ id }) => id))
  for (const id of people) assert.ok(id === null || ids.has(id), `the commit ${id} was lost`)
  const own = commits.filter(({ message }) => isOwnCommit(message))
  const bad = own.map(({ message }) => trailersOf(message).get('Sluice-Bad'))
  assert.equal(new Set(bad).size, bad.length, 'a bad release was restored twice')
  for (const { id, message } of own) {
    const names = await repo.text(['diff', '--name-only', '--no-renames', `${id}^`, id])
    assert.equal(names.split('\n').length, 1, 'one file')
    const lines = (await repo.text(['diff', '-U0', `${id}^`, id]))
      .split('\n')
      .filter((line) => /^[-+] /.test(line))
    assert.equal(lines.length, 2, `one line: ${lines.join(' ')}`)
    assert.match(lines[1] ?? '', /image: app:1 # pinned/)
    const removed = /image: (\S+)/.exec(lines[0] ?? '')?.[1] ?? ''
    assert.equal(
      revision(rolloutText({ image: removed })),
      trailersOf(message).get('Sluice-Bad'),
      'only the bad value is taken back',
    )
  }
  return own.length
}

async function inTurn<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  for (const item of items) results.push(await work(item))
  return results
}

describe('with people who commit at random', () => {
  it(`${runs} histories keep every rule`, async () => {
    const scenarios = fc.sample(scenario, { numRuns: runs, seed })
    let restored = 0
    const worker = async () => {
      for (let steps = scenarios.pop(); steps !== undefined; steps = scenarios.pop()) {
        restored += await run(steps).catch((cause: unknown) => {
          throw new Error(`seed ${seed}: ${JSON.stringify(steps)}`, { cause })
        })
      }
    }
    await Promise.all([worker(), worker(), worker()])
    assert.ok(restored > runs / 5, `${restored} reverts in ${runs} histories`)
  })
})
