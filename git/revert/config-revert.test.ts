// Releases with configuration on real repositories: rows of the files of the good, the bad and later commits, and
// what is on the branch afterwards.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { contentDigest, revisionOf } from '../../crds/revision.ts'
import { type Files, type Repository, rolloutText } from '../repository/repository.fixture.ts'
import { commitCount, open, request, withRepository } from '../write/writer.fixture.ts'
import { dryRun } from './dry-run.ts'
import { restore } from './restore.ts'
import type { RevertRequest, RevertResult } from './revert-plan.ts'

const path = 'apps/checkout.yaml'
const file = 'config/env.yaml'
const named = '  config:\n    - { configMap: env } # its own copy\n'
const both = `${named}    - { secret: key }\n`
const app = (image: string, more = named) => rolloutText({ image, more })
const env = (rate: string, mode = 'on') => `# of the shop
apiVersion: v1
kind: ConfigMap
metadata: { name: env }
data:
  RATE: "${rate}" # a second
  MODE: '${mode}'
  app.conf: |
    # limits
    rate = ${rate}
`
const secret = (password: string, user = 'shop') => `apiVersion: v1
kind: Secret
metadata: { name: key, namespace: shop }
stringData: { password: ${password}, user: ${user} }
`
const other = (value: string) => `apiVersion: v1
kind: ConfigMap
metadata: {name: other}   # not ours
data: {a: "${value}"}
`
const sealed = (value: string) => `apiVersion: v1
kind: Secret
metadata: { name: key }
data: { password: "ENC[AES256_GCM,data:${value}]" }
sops:
  mac: ENC[AES256_GCM,data:of-${value}]
  version: 3.9.0
`
const kustomization = (rate: string) =>
  `resources: [checkout.yaml]\nconfigMapGenerator:\n  - name: env\n    literals: [RATE=${rate}]\n`

/** The revision as the controller computes it from what the cluster has. */
function revisionOfFiles(files: Files): string {
  const objects: Record<string, unknown>[] = Object.values(files).flatMap((text) =>
    text === null ? [] : parseAllDocuments(text).map((document) => document.toJS()),
  )
  const find = (kind: string, name: string) =>
    objects.find(
      (one) => one['kind'] === kind && Reflect.get(Object(one['metadata']), 'name') === name,
    )
  const { template, config = [] } = Object(find('Rollout', 'checkout')?.['spec'])
  const digests = config.map(({ configMap, secret: key }: Record<string, string>) => {
    const [kind, name = ''] = configMap ? ['ConfigMap', configMap] : ['Secret', key]
    return { kind, name, digest: contentDigest(find(kind ?? '', name) ?? { data: { gone: name } }) }
  })
  return revisionOf(template, digests)
}

interface Row {
  readonly name: string
  readonly good: Files
  /** What the bad commit changes. */
  readonly bad: Files
  readonly after?: readonly Files[]
  /** The commit that status names for the bad release, if not that of the bad commit. */
  readonly isRolloutUntouched?: boolean
  readonly request?: Partial<RevertRequest>
  /** The whole branch, after a force-push that drops all commits. */
  readonly rewritten?: Files
  readonly state?: RevertResult['state']
  /** Of the files at the end; those that are not named are as they were at the tip. */
  readonly result?: Files
  readonly because?: RegExp
  readonly message?: RegExp
}

const rows: Row[] = [
  {
    name: 'a change of a ConfigMap alone goes back alone',
    good: { [path]: app('app:1'), [file]: env('10') },
    bad: { [file]: env('99') },
    isRolloutUntouched: true,
    result: { [file]: env('10') },
    because:
      /restored ConfigMap env data\.RATE, ConfigMap env data\.app\.conf in config\/env\.yaml by/,
  },
  {
    name: 'template and ConfigMap go back in one commit',
    good: { [path]: app('app:1'), [file]: env('10') },
    bad: { [path]: app('app:2'), [file]: env('99') },
    result: { [path]: app('app:1'), [file]: env('10') },
    because:
      /containers\[0\]\.image, ConfigMap env data\.RATE, .* in apps\/checkout\.yaml and config/,
  },
  {
    name: 'what else was committed since stays',
    good: { [path]: app('app:1'), [file]: env('10') },
    bad: { [path]: app('app:2'), [file]: env('99') },
    after: [{ [path]: app('app:2').replace('replicas: 3', 'replicas: 9'), 'b.yaml': 'a: b\n' }],
    result: { [path]: app('app:1').replace('replicas: 3', 'replicas: 9'), [file]: env('10') },
  },
  {
    name: 'a third value in a ConfigMap is a person’s word for the whole release',
    good: { [path]: app('app:1'), [file]: env('10') },
    bad: { [path]: app('app:2'), [file]: env('99') },
    after: [{ [file]: env('50') }],
    state: 'Superseded',
    because: /data\.RATE of ConfigMap shop\/env has a third value/,
  },
  {
    name: 'another key of the ConfigMap that somebody changed since stays',
    good: { [path]: app('app:1'), [file]: env('10') },
    bad: { [file]: env('99') },
    after: [{ [file]: env('99', 'off') }],
    isRolloutUntouched: true,
    result: { [file]: env('10', 'off') },
  },
  {
    name: 'a comment that somebody wrote since stays',
    good: { [path]: app('app:1'), [file]: env('10') },
    bad: { [path]: app('app:2'), [file]: env('99') },
    after: [
      { [file]: env('99').replace('of the shop', 'of all shops') },
      { [path]: app('app:2').replace('# a comment', '# for the sale') },
    ],
    result: {
      [path]: app('app:1').replace('# a comment', '# for the sale'),
      [file]: env('10').replace('of the shop', 'of all shops'),
    },
  },
  {
    name: 'documents beside it in one file stay byte by byte',
    good: {
      [path]: `${other('1')}---\n${app('app:1')}---\n${env('10')}---\n${other('x').replace('other', 'last')}`,
    },
    bad: {
      [path]: `${other('2')}---\n${app('app:2')}---\n${env('99')}---\n${other('x').replace('other', 'last')}`,
    },
    result: {
      [path]: `${other('2')}---\n${app('app:1')}---\n${env('10')}---\n${other('x').replace('other', 'last')}`,
    },
  },
  {
    name: 'a ConfigMap that moved to another file is found',
    good: { [path]: app('app:1'), 'old/env.yaml': env('10') },
    bad: { 'old/env.yaml': env('99') },
    after: [{ 'old/env.yaml': null, [file]: `${other('1')}---\n${env('99')}` }],
    isRolloutUntouched: true,
    result: { [file]: `${other('1')}---\n${env('10')}` },
  },
  {
    name: 'a Secret with stringData goes back, and its values are in no message',
    good: { [path]: app('app:1', both), [file]: env('10'), 'key.yaml': secret('hunter1') },
    bad: { [path]: app('app:1', both), 'key.yaml': secret('hunter2') },
    isRolloutUntouched: true,
    result: { 'key.yaml': secret('hunter1') },
    because: /^restored Secret key stringData\.password in key\.yaml by commit [0-9a-f]{12}$/,
  },
  {
    name: 'the list of names goes back with the template, and what came with the bad release stays',
    good: { [path]: app('app:1'), [file]: env('10') },
    bad: { [path]: app('app:2', both), 'key.yaml': secret('hunter2') },
    result: { [path]: app('app:1') },
    because: /image, spec\.config in apps/,
  },
  {
    name: 'a list that the bad release dropped comes back',
    good: { [path]: app('app:1'), [file]: env('10') },
    bad: { [path]: app('app:2', ''), [file]: env('99') },
    result: { [path]: app('app:1'), [file]: env('10') },
  },
  {
    name: 'a key that came goes, and one that went comes back',
    good: { [path]: app('app:1'), [file]: env('10') },
    bad: { [file]: env('10').replace("  MODE: 'on'\n", '  NEW: a\n') },
    isRolloutUntouched: true,
    result: { [file]: env('10') },
  },
  {
    name: 'a ConfigMap that the bad release took away comes back with its file',
    good: { [path]: app('app:1'), [file]: env('10') },
    bad: { [path]: app('app:2', ''), [file]: null, 'b.yaml': 'a: b\n' },
    result: { [path]: app('app:1'), [file]: env('10') },
    because:
      /, spec\.config, ConfigMap env in apps\/checkout\.yaml and config\/env\.yaml by \w+ \w+$/,
  },
  {
    name: 'a ConfigMap under another name goes back to the one it had',
    good: { [path]: app('app:1'), [file]: env('10') },
    bad: {
      [path]: app('app:1', named.replace('env', 'env-2')),
      [file]: null,
      'config/env-2.yaml': env('99').replace('name: env', 'name: env-2'),
    },
    result: { [path]: app('app:1'), [file]: env('10') },
    because: /spec\.config.*, ConfigMap env in/,
  },
  {
    name: 'a ConfigMap whose place is taken by a link or a file since is for a person',
    good: { [path]: app('app:1'), [file]: env('10') },
    bad: { [path]: app('app:2', ''), [file]: null, config: 'a file now\n' },
    state: 'NeedsHuman',
    because: /^config\/env\.yaml is not a plain file; restore/,
  },
  {
    name: 'a ConfigMap that the bad release removed from among others is for a person',
    good: { [path]: app('app:1'), [file]: `${env('10')}---\na: b\n` },
    bad: { [path]: app('app:2', ''), [file]: 'a: b\n' },
    state: 'NeedsHuman',
    because:
      /removed ConfigMap shop\/env: bring it back by git restore --source=[0-9a-f]{12} -- config/,
  },
  {
    name: 'a ConfigMap that somebody removed since is their word',
    good: { [path]: app('app:1'), [file]: env('10') },
    bad: { [path]: app('app:2'), [file]: env('99') },
    after: [{ [file]: null }],
    state: 'Superseded',
    because: /ConfigMap shop\/env is no longer on the branch/,
  },
  {
    name: 'what is restored already needs nothing',
    good: { [path]: app('app:1'), [file]: env('10') },
    bad: { [path]: app('app:2'), [file]: env('99') },
    after: [{ [path]: app('app:1'), [file]: env('10') }],
    state: 'Nothing',
  },
  {
    name: 'a generator of a kustomization holds no document',
    good: { [path]: app('app:1'), 'apps/kustomization.yaml': kustomization('10') },
    bad: { [path]: app('app:2'), 'apps/kustomization.yaml': kustomization('99') },
    state: 'NeedsHuman',
    because: /ConfigMap env is made by a generator of apps\/kustomization\.yaml.*by hand/,
  },
  {
    name: 'of what is not in Git only the template goes back, and it says so',
    good: { [path]: app('app:1') },
    bad: { [path]: app('app:2') },
    result: { [path]: app('app:1') },
    because:
      /image in apps\/checkout\.yaml by commit .*\. ConfigMap shop\/env is not in Git and stays/,
    message: /^ConfigMap shop\/env is not in Git and stays as it is\.$/m,
  },
  {
    name: 'a release that was judged long ago goes back while the branch asks for exactly it',
    good: { [path]: app('app:1') },
    bad: { [path]: app('app:2') },
    after: [{ [path]: app('app:2').replace('replicas: 3', 'replicas: 9') }],
    request: { decidedAtMs: 1 },
    result: { [path]: app('app:1').replace('replicas: 3', 'replicas: 9') },
  },
  {
    name: 'a release that was judged long ago gives way to a change of its configuration',
    good: { [path]: app('app:1'), [file]: env('10') },
    bad: { [path]: app('app:2'), [file]: env('99') },
    after: [{ [file]: env('99', 'off') }],
    request: { decidedAtMs: 1 },
    state: 'Superseded',
    because: /more than 20 minutes ago/,
  },
  {
    name: 'fields elsewhere go back, and it says that the configuration does not',
    good: { [path]: app('app:1'), 'values.yaml': 'tag: "1"\n' },
    bad: { 'values.yaml': 'tag: "2"\n' },
    isRolloutUntouched: true,
    request: {
      fields: { path: 'values.yaml', values: [{ field: '/tag', bad: '2', good: '1' }] },
    },
    result: { 'values.yaml': 'tag: "1"\n' },
    because: /What spec\.config names stays as it is/,
  },
  {
    name: 'fields elsewhere that did not change tell nothing of the configuration',
    good: { [path]: app('app:1'), 'values.yaml': 'tag: "1"\n' },
    bad: { 'b.yaml': 'a: b\n' },
    isRolloutUntouched: true,
    request: {
      fields: { path: 'values.yaml', values: [{ field: '/tag', bad: '1', good: '1' }] },
    },
    state: 'NeedsHuman',
    because: /differ in what spec\.config names/,
  },
  {
    name: 'a history that was rewritten is no help, but the commits that are remembered are',
    good: { [path]: app('app:1'), [file]: env('10') },
    bad: { [path]: app('app:2'), [file]: env('99') },
    rewritten: { [path]: app('app:2'), [file]: env('99') },
    result: { [path]: app('app:1'), [file]: env('10') },
  },
  {
    name: 'a change of what is not in Git alone is for a person',
    good: { [path]: app('app:1') },
    bad: { 'b.yaml': 'a: b\n' },
    isRolloutUntouched: true,
    state: 'NeedsHuman',
    because: /differ in what ConfigMap env held, which Git can not tell.*by hand/,
  },
  {
    name: 'half of a release is not restored: the ConfigMap changed in a commit of its own',
    good: { [path]: app('app:1', both), [file]: env('10') },
    bad: { [path]: app('app:2', both) },
    after: [{ [file]: env('99') }],
    state: 'NeedsHuman',
    because:
      /can not tell what Secret key held, and the configuration was changed by other commits/,
  },
  {
    name: 'a Secret under the seal of SOPS comes back byte by byte',
    good: { [path]: app('app:1', both), [file]: env('10'), 'key.yaml': sealed('one') },
    bad: { [path]: app('app:2', both), [file]: env('99'), 'key.yaml': sealed('two') },
    result: { [path]: app('app:1', both), [file]: env('10'), 'key.yaml': sealed('one') },
  },
  {
    name: 'a sealed Secret that changed alone is for a person',
    good: { [path]: app('app:1', both), [file]: env('10'), 'key.yaml': sealed('one') },
    bad: { 'key.yaml': sealed('two') },
    isRolloutUntouched: true,
    state: 'NeedsHuman',
    because: /Git can not tell what Secret key held/,
  },
  {
    name: 'another Rollout that names the same is told of',
    good: {
      [path]: app('app:1'),
      [file]: env('10'),
      'cart.yaml': rolloutText({ name: 'cart', more: named }),
    },
    bad: { [file]: env('99') },
    isRolloutUntouched: true,
    result: { [file]: env('10') },
    because: /named by shop\/cart, and goes back there, too/,
    message: /^The same configuration is named by shop\/cart, and goes back there, too\.$/m,
  },
  {
    name: 'a ConfigMap that is written twice is for a person',
    good: { [path]: app('app:1'), [file]: env('10') },
    bad: { [path]: app('app:2'), [file]: env('99'), 'twin.yaml': env('99') },
    state: 'NeedsHuman',
    because: /written in config\/env\.yaml and twin\.yaml/,
  },
]

/** The commits of a row; the request as the controller would ask for it. */
async function play(repo: Repository, row: Row) {
  const goodCommit = await repo.commit(row.good)
  const badCommit = await repo.commit(row.bad)
  for (const files of row.after ?? []) await repo.commit(files)
  if (row.rewritten) {
    await open(repo).mirror.fetch()
    await repo.run(['update-ref', '-d', 'refs/heads/main'])
    await repo.commit(row.rewritten)
  }
  const [good, bad] = [row.good, { ...row.good, ...row.bad }].map(revisionOfFiles) as [
    string,
    string,
  ]
  const asked: Partial<RevertRequest> = {
    good: { revision: good, commit: goodCommit },
    bad: {
      revision: good === bad ? 'by-cluster' : bad,
      commit: row.isRolloutUntouched ? goodCommit : badCommit,
    },
    key: `u1/${bad}/1`,
    hasConfig: true,
  }
  return { goodCommit, badCommit, asked }
}

async function checkCommit(
  repo: Repository,
  row: Row,
  { before, because }: { readonly before: string; readonly because: string },
) {
  for (const [name, text] of Object.entries(row.result ?? {})) {
    assert.equal(await repo.read(name), `${text}`)
  }
  const changed = await repo.text(['diff', '--name-only', before, 'main'])
  assert.deepEqual(changed.split('\n').sort(), Object.keys(row.result ?? {}).sort())
  const message = await repo.text(['log', '-1', '--format=%B', 'main'])
  if (row.message) assert.match(message, row.message)
  assert.doesNotMatch(`${message}${because}`, /hunter/)
}

describe('a release with configuration', { concurrency: 3 }, () => {
  for (const row of rows) {
    it(row.name, async () => {
      await withRepository(async (repo) => {
        const { asked } = await play(repo, row)
        const before = await repo.head()
        const count = Number(await commitCount(repo))
        const result = await open(repo).writer.revert(request({ ...asked, ...row.request }))
        assert.equal(result.state, row.state ?? 'Committed', result.because)
        if (row.because) assert.match(result.because, row.because)
        const isCommit = result.state === 'Committed'
        assert.equal(Number(await commitCount(repo)), count + (isCommit ? 1 : 0))
        if (isCommit)
          await checkCommit(repo, row, { before: before ?? '', because: result.because })
      })
    })
  }

  it('is shown by a dry run and brought back by a restore with all its files', async () => {
    await withRepository(async (repo) => {
      const [row] = rows.slice(1)
      assert.ok(row)
      const { goodCommit, badCommit } = await play(repo, row)
      const rollout = { namespace: 'shop', name: 'checkout' }
      const input = { repo: repo.repository, branch: 'main', rollout }
      const shown = await dryRun({ ...input, bad: badCommit, good: goodCommit })
      assert.equal(shown.decision, 'commit', shown.because)
      assert.deepEqual(shown.paths, [path, file])
      assert.match(shown.diff, /^- {2}RATE: "99" # a second$/m)
      const back = await restore({ ...input, at: goodCommit, nowMs: 0, write: true })
      assert.deepEqual(back.paths, [path, file], back.because)
      assert.equal(back.tree, shown.tree)
      assert.equal(await repo.read(file, back.branch ?? ''), env('10'))
    })
  })

  it('is restored by its revision, also when its configuration alone differs', async () => {
    await withRepository(async (repo) => {
      const [row] = rows
      assert.ok(row)
      await play(repo, row)
      const [to, from] = [row.good, { ...row.good, ...row.bad }].map(revisionOfFiles)
      const rollout = { namespace: 'shop', name: 'checkout' }
      const input = { repo: repo.repository, branch: 'main', rollout, nowMs: 0 }
      const back = await restore({ ...input, at: `${to}`.slice(0, 7), write: true })
      assert.deepEqual(back.paths, [file], back.because)
      assert.equal(back.from?.revision, to)
      assert.match(back.message, new RegExp(`${from?.slice(0, 7)} → ${to?.slice(0, 7)}`))
      assert.equal(await repo.read(file, back.branch ?? ''), env('10'))
      const none = await restore({ ...input, at: `${from}` })
      assert.equal(none.decision, 'nothing', none.because)
    })
  })

  it('of the same commit goes back twice in one push, each on the one before', async () => {
    await withRepository(async (repo) => {
      const cart = (image: string) => rolloutText({ name: 'cart', image, more: named })
      const good = { [path]: app('app:1'), [file]: env('10'), 'cart.yaml': cart('app:1') }
      const bad = { [path]: app('app:2'), [file]: env('99'), 'cart.yaml': cart('app:2') }
      await play(repo, { name: '', good, bad })
      const cartIn = (files: Files) =>
        revisionOfFiles({
          [path]: files['cart.yaml']?.replace('name: cart', 'name: checkout') ?? '',
          [file]: files[file] ?? '',
        })
      const { writer } = open(repo)
      const ask = (name: string, revisions: readonly [string, string]) =>
        writer.revert(
          request({
            rollout: { namespace: 'shop', name, uid: name },
            good: { revision: revisions[0] },
            bad: { revision: revisions[1] },
            key: `${name}/1`,
          }),
        )
      const results = await Promise.all([
        ask('checkout', [revisionOfFiles(good), revisionOfFiles(bad)]),
        ask('cart', [cartIn(good), cartIn(bad)]),
      ])
      assert.deepEqual(
        results.map(({ state }) => state),
        ['Committed', 'Committed'],
        JSON.stringify(results),
      )
      for (const [name, text] of Object.entries(good)) assert.equal(await repo.read(name), text)
    })
  })
})
