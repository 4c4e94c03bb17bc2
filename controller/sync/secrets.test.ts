// Secrets as the API server gives them, and which key signs what Sluice commits.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type Material, readMaterial } from './secrets.ts'

async function read(
  data: Readonly<Record<string, string>>,
  look: (material: Material, directory: string) => void = () => undefined,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-secrets-'))
  const encoded = Object.entries(data).map(([key, value]) => [key, btoa(value)])
  const secret = { apiVersion: 'v1', kind: 'Secret', data: Object.fromEntries(encoded) }
  try {
    const material = await readMaterial({
      api: { get: async () => ({ ...secret, metadata: { name: 'git' } }) },
      spec: { repository: 'https://git.example/a/b', credentials: { secretRef: { name: 'git' } } },
      namespace: 'shop',
      directory,
    })
    look(material, directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

describe('the key that signs our commits', () => {
  it('is of SSH or of OpenPGP, in a file that only this process may read', async () => {
    await read({ token: 'abc' }, ({ signing }) => assert.equal(signing, undefined))
    for (const kind of ['ssh', 'openpgp'] as const) {
      await read({ token: 'abc', [`${kind}-signingkey`]: 'a key' }, ({ signing }, directory) => {
        const keyFile = join(directory, 'credentials', `${kind}-signingkey`)
        const keyRing = join(directory, 'gnupg')
        assert.deepEqual(signing, { kind, keyFile, ...(kind === 'openpgp' ? { keyRing } : {}) })
        assert.equal(readFileSync(keyFile, 'utf8'), 'a key\n')
        assert.equal(statSync(keyFile).mode & 0o777, 0o600)
      })
    }
  })

  it('is one', async () => {
    const both = { token: 'abc', 'ssh-signingkey': 'a', 'openpgp-signingkey': 'b' }
    await assert.rejects(read(both), {
      name: 'SecretProblem',
      message:
        'Secret shop/git has "ssh-signingkey" and "openpgp-signingkey": a commit has one signature, so take one out',
    })
  })
})
