// kubectl against a real API server, which also takes Sluice's definitions as they are.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { kubectlContract } from '../contracts/kubectl.ts'
import { currentControlPlane } from './current.ts'

const run = promisify(execFile)
const crds = join(import.meta.dirname, '..', '..', 'crds')

kubectlContract('a real kube-apiserver', async () => {
  const plane = await currentControlPlane()
  const directory = join(plane.directory, 'kubectl')
  await mkdir(directory, { recursive: true })
  return { kubeconfigPath: plane.kubeconfigPath, directory, close: async () => {} }
})

test('the definitions are applied by the server again, and nothing is wrong with them', async () => {
  const { kubeconfigPath } = await currentControlPlane()
  const apply = ['apply', '--server-side', '--force-conflicts', '-f', crds, '--dry-run=server']
  const { stdout, stderr } = await run('kubectl', [`--kubeconfig=${kubeconfigPath}`, ...apply])
  const files = (await readdir(crds)).filter((name) => name.endsWith('.yaml'))
  assert.equal(stdout.trim().split('\n').length, files.length)
  assert.equal(stderr, '')
})
