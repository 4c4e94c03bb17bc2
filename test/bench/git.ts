// A repository of 5,000 Rollouts in 20,000 files with 2,000 commits in; how long its first sync, one changed
// file and 40 reverts take out, as one line of JSON. Measured in a process of its own, for its memory's sake.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildCommits } from '../../git/repository/commit-builder.ts'
import { planGroup } from '../../git/revert/group.ts'
import type { RevertRequest } from '../../git/revert/revert-plan.ts'
import { pathFilter } from '../../git/source/glob.ts'
import { createSource, type Source, type SourceState } from '../../git/source/source.ts'
import { createWriter } from '../../git/write/writer.ts'
import { commitFiles, createMonorepo, nameOf, pathOf, rolloutText } from './monorepo.ts'

const services = 5_000
const commits = 2_000
const simultaneousReverts = 40
const namespace = 'shop'
const author = { name: 'Sluice', email: 'sluice@sluice.dev' }

async function prepare(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  try {
    const repository = join(directory, 'upstream.git')
    await createMonorepo({ repository, services, commits })
    const hooks = join(repository, 'hooks')
    mkdirSync(hooks, { recursive: true })
    writeFileSync(join(hooks, 'post-receive'), '#!/bin/sh\necho push >> "$GIT_DIR/pushes"\n')
    chmodSync(join(hooks, 'post-receive'), 0o755)
    // A small young generation, as the controller runs: else V8 takes 100 MB that it does not need.
    const child = fork(
      fileURLToPath(import.meta.url),
      ['measure', directory, ...process.argv.slice(2)],
      {
        execArgv: [...process.execArgv, '--max-semi-space-size=16'],
      },
    )
    const [code] = await once(child, 'close')
    process.exitCode = Number(code ?? 1)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function measure(directory: string): Promise<void> {
  const repository = join(directory, 'upstream.git')
  const spec = {
    repository: `file://${repository}`,
    branch: 'main',
    include: ['**/*.yaml', '**/*.yml'],
    exclude: [],
    author,
  }
  const source = createSource({ spec, namespace, directory: join(directory, 'mirror') })
  const first = await timed(() => source.refresh())
  expect(first.value.definitions.length === services, 'the first sync finds every Rollout')

  commitFiles(repository, new Map([[pathOf(7), rolloutText(7, '2.0')]]))
  const second = await timed(() => source.refresh())
  expect(second.value.changed.join() === `Rollout/${namespace}/${nameOf(7)}`, 'one file changed')

  const requests = await failMany(source, repository)
  const isIncluded = pathFilter(spec.include, spec.exclude)
  const builds: number[] = []
  for (const request of requests.slice(0, 9)) {
    const { head: tip } = await source.mirror.fetch()
    const { mirror } = source
    const build = await timed(async () => {
      const { plans } = await planGroup({ mirror, isIncluded, tip }, [request])
      return buildCommits((args, more) => mirror.run(args, more), {
        parent: tip,
        plans: plans.map(({ files, message }) => ({
          files: new Map(files.map(({ path, text }) => [path, { text }])),
          message,
        })),
        author,
        nowMs: Date.now(),
      })
    })
    expect(build.value.length === 1, 'one revert is one commit')
    builds.push(build.ms)
  }
  const writer = createWriter({ mirror: source.mirror, spec, now: Date.now })
  const all = await timed(() => Promise.all(requests.map((request) => writer.revert(request))))
  expect(
    all.value.every(({ state }) => state === 'Committed'),
    JSON.stringify(all.value.find(({ state }) => state !== 'Committed')),
  )
  const counter = join(repository, 'pushes')
  const figures = {
    services,
    firstSyncSeconds: seconds(first.ms),
    commitToReconcileSeconds: seconds(second.ms),
    rssMiB: Math.ceil(process.resourceUsage().maxRSS / 1_024),
    simultaneousReverts,
    pushes: existsSync(counter) ? readFileSync(counter, 'utf8').trim().split('\n').length : 0,
    revertMs: Math.round(builds.sort((a, b) => a - b)[4] ?? 0),
  }
  if (!process.argv.includes('--json'))
    process.stdout.write(`40 reverts took ${Math.round(all.ms)} ms\n`)
  process.stdout.write(`${JSON.stringify(figures)}\n`)
}

/** Forty services release something bad, each by a commit of its own. */
async function failMany(source: Source, repository: string): Promise<RevertRequest[]> {
  const before = await source.refresh()
  const failing = Array.from({ length: simultaneousReverts }, (_, i) => i * 100 + 11)
  for (const service of failing) {
    commitFiles(repository, new Map([[pathOf(service), rolloutText(service, 'bad')]]))
  }
  const after = await source.refresh()
  return failing.map((service) => requestOf(nameOf(service), before, after))
}

function requestOf(name: string, before: SourceState, after: SourceState): RevertRequest {
  const find = (state: SourceState) => {
    const found = state.definitions.find((one) => one.name === name)
    if (found?.revision === undefined) throw new Error(`${name} is missing`)
    return { revision: found.revision, commit: found.commit, path: found.path }
  }
  const bad = find(after)
  return {
    rollout: { namespace, name, uid: name },
    bad,
    good: find(before),
    because: 'Check errors failed: 97.1 % of requests succeeded, at least 99 % are needed.',
    evidenceText: 'errors: 97.1 (min 99)',
    key: `${name}/1/${bad.revision}`,
    path: bad.path,
  }
}

async function timed<Value>(work: () => Promise<Value>): Promise<{ value: Value; ms: number }> {
  const startedAt = performance.now()
  const value = await work()
  return { value, ms: performance.now() - startedAt }
}

function expect(isTrue: boolean, sentence: string): void {
  if (!isTrue) throw new Error(`not as expected: ${sentence}`)
}

const seconds = (ms: number) => Math.round(ms) / 1_000

const [mode, directory] = process.argv.slice(2)
if (mode === 'measure' && directory !== undefined) await measure(directory)
else await prepare()
