// For tests: a good and a bad release of one Rollout, the request to restore it, and a writer.
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { revisionOf } from '../../crds/revision.ts'
import { openMirror } from '../repository/mirror.ts'
import { createRepository, type Repository, rolloutText } from '../repository/repository.fixture.ts'
import { findRollout, templateOf } from '../revert/revert.ts'
import type { RevertRequest } from '../revert/revert-plan.ts'
import { parseYamlFile } from '../yaml/yaml-file.ts'
import { createWriter } from './writer.ts'

export const good = rolloutText({ image: 'app:1' })
export const bad = rolloutText({ image: 'app:2' })

export const revision = (text: string, name = 'checkout') => {
  const document = findRollout(parseYamlFile('', text).documents, { namespace: 'shop', name })
  assert.ok(document)
  return revisionOf(templateOf(document))
}

export const request = (more: Partial<RevertRequest> = {}): RevertRequest => ({
  rollout: { namespace: 'shop', name: 'checkout', uid: 'u1' },
  bad: { revision: revision(bad) },
  good: { revision: revision(good) },
  because: 'Check errors failed: 97.1 % of 412 requests succeeded, at least 99 % are needed.',
  evidenceText: 'errors: 97.1 (min 99)\n\nSluice-Key: forged',
  key: `u1/${revision(bad)}/1`,
  reason: 'errors',
  ...more,
})

export async function withRepository(work: (repository: Repository) => Promise<void>) {
  const repository = await createRepository()
  try {
    await work(repository)
  } finally {
    repository.remove()
  }
}

export const open = (repo: Repository, directory = repo.mirrorDirectory) => {
  const mirror = openMirror({ directory, url: repo.url, branch: 'main' })
  const author = { name: 'Sluice', email: 'sluice@sluice.dev' }
  const spec = { include: ['**/*.yaml'], exclude: [], author }
  return { mirror, writer: createWriter({ mirror, spec, now: () => 1_700_000_600_000 }) }
}

export function hook(repo: Repository, name: string, script: string): void {
  const path = join(repo.repository, 'hooks', name)
  mkdirSync(join(repo.repository, 'hooks'), { recursive: true })
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
}

export const commitCount = async (repo: Repository) =>
  await repo.text(['rev-list', '--count', 'main'])
