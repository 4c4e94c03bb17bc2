// Releases with configuration that only the cluster can open: what goes back, by which bytes, and what needs a person.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Files, type Repository, rolloutText } from '../repository/repository.fixture.ts'
import { open, request, revision, withRepository } from '../write/writer.fixture.ts'
import type { RevertResult } from './revert-plan.ts'

const named = '  config: [{ secret: key }]\n'
const app = (image: string) => rolloutText({ image, more: named })
const path = 'app.yaml'
const file = 'key.yaml'

/** As kubeseal writes it. */
const sealedSecret = (password: string, user = 'AgBu') => `apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata:
  name: key
spec:
  encryptedData: # by the key of 2026
    password: ${password}
    user: ${user}
  template:
    metadata: { name: key }
`

const externalSecret = (version: string) => `apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: { name: key }
spec:
  refreshInterval: 1h
  secretStoreRef: { kind: ClusterSecretStore, name: vault }
  data:
    - secretKey: password
      remoteRef: { key: shop/checkout, version: "${version}" }
`

/** As SOPS writes it: values and a seal over all of them. */
const sops = (value: string, note = 'of the shop') => `apiVersion: v1
kind: Secret
metadata:
  name: key # ${note}
data:
  password: ENC[AES256_GCM,data:${value},iv:x,tag:y,type:str]
sops:
  lastmodified: "2026-01-0${value.length}T00:00:00Z"
  mac: ENC[AES256_GCM,data:${value},type:str]
  version: 3.9.0
`

interface Row {
  readonly name: string
  readonly good: string
  readonly bad: string
  /** Whether the bad release has another template, too. */
  readonly isSameImage?: boolean
  readonly after?: Files
  readonly state?: RevertResult['state']
  readonly because: RegExp
  /** The file of the Secret at the end, if it is not that of the good release. */
  readonly result?: string
}

const rows: Row[] = [
  {
    name: 'a SealedSecret goes back with its template, as it was sealed',
    good: sealedSecret('AgOld'),
    bad: sealedSecret('AgNew'),
    because: /image, Secret key spec\.encryptedData\.password in app\.yaml and key\.yaml by/,
  },
  {
    name: 'a SealedSecret that changed alone is for a person',
    good: sealedSecret('AgOld'),
    bad: sealedSecret('AgNew'),
    isSameImage: true,
    state: 'NeedsHuman',
    because: /Git can not tell what Secret key held, .*; restore the last good one by hand/,
  },
  {
    name: 'a SealedSecret that somebody sealed anew since is for a person',
    good: sealedSecret('AgOld'),
    bad: sealedSecret('AgNew'),
    after: { [file]: sealedSecret('AgThird') },
    state: 'NeedsHuman',
    because: /can not tell what Secret key held, and .* changed by other commits, too; restore/,
  },
  {
    name: 'a SealedSecret that the release did not change stays',
    good: sealedSecret('AgOld'),
    bad: sealedSecret('AgOld'),
    because: /^restored spec\.template\.spec\.containers\[0\]\.image in app\.yaml by/,
  },
  {
    name: 'an ExternalSecret asks for the version of the good release again',
    good: externalSecret('7'),
    bad: externalSecret('8'),
    because: /Secret key spec\.data in app\.yaml and key\.yaml by/,
  },
  {
    name: 'an ExternalSecret that became a SealedSecret is for a person',
    good: externalSecret('7'),
    bad: sealedSecret('AgNew'),
    state: 'NeedsHuman',
    because: /Secret shop\/key has become another kind; restore it by hand/,
  },
  {
    name: 'a Secret of SOPS goes back byte by byte, with its seal',
    good: sops('one'),
    bad: sops('seven'),
    because: /Secret key data\.password in app\.yaml and key\.yaml by/,
  },
  {
    name: 'a Secret of SOPS whose words were changed since is for a person: the seal would break',
    good: sops('one'),
    bad: sops('seven'),
    after: { [file]: sops('seven', 'of all shops') },
    state: 'NeedsHuman',
    because: /key\.yaml is encrypted by SOPS, whose seal an edit would break; restore .* by hand/,
  },
  {
    name: 'a Secret whose whole file is encrypted stays, and it says so',
    good: '\0GITCRYPT\0one',
    bad: '\0GITCRYPT\0two',
    because: /Secret shop\/key is not in Git and stays as it is$/,
    result: '\0GITCRYPT\0two',
  },
]

interface End {
  readonly isCommit: boolean
  /** Both files before. */
  readonly bad: string
  readonly before: string
}

async function check(repo: Repository, row: Row, { isCommit, bad, before }: End): Promise<void> {
  assert.equal(await repo.read(path), isCommit ? app('app:1') : bad)
  assert.equal(await repo.read(file), isCommit ? (row.result ?? row.good) : before)
}

describe('a release with sealed configuration', { concurrency: 3 }, () => {
  for (const row of rows) {
    it(row.name, async () => {
      await withRepository(async (repo) => {
        const [good, bad] = [app('app:1'), app(row.isSameImage ? 'app:1' : 'app:2')]
        const goodCommit = await repo.commit({ [path]: good, [file]: row.good })
        const badCommit = await repo.commit({ [path]: bad, [file]: row.bad })
        if (row.after) await repo.commit(row.after)
        const before = await repo.read(file)
        // Only the cluster knows the digests of the Secret, so these revisions are in no text.
        const result = await open(repo).writer.revert(
          request({
            good: { revision: 'aaaaaaaaaa', commit: goodCommit },
            bad: { revision: 'bbbbbbbbbb', commit: row.isSameImage ? goodCommit : badCommit },
            key: `u1/${revision(bad)}/1`,
            hasConfig: true,
          }),
        )
        assert.equal(result.state, row.state ?? 'Committed', result.because)
        assert.match(result.because, row.because)
        await check(repo, row, { isCommit: result.state === 'Committed', bad, before })
        const message = await repo.text(['log', '-1', '--format=%B', 'main'])
        assert.doesNotMatch(`${message}${result.because}`, /AgOld|AgNew|ENC\[|GITCRYPT/)
      })
    })
  }
})
