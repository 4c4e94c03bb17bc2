// kubectl against the embedded API server.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { readCrdFolders } from '../../lab/apiserver/crd-files.ts'
import { startApiServer } from '../../lab/apiserver/server.ts'
import { kubectlContract } from './kubectl.ts'

kubectlContract('the lab', async () => {
  const top = join(import.meta.dirname, '../..')
  const crds = await readCrdFolders(join(top, 'crds'), join(top, 'lab/crds'))
  const server = await startApiServer({ crds })
  const directory = await mkdtemp(join(tmpdir(), 'lab-kubectl-'))
  const kubeconfigPath = join(directory, 'config')
  await writeFile(kubeconfigPath, kubeconfig(server.url))
  return {
    kubeconfigPath,
    directory,
    close: async () => {
      await server.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
})

function kubeconfig(server: string): string {
  const name = 'lab'
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server } }],
    users: [{ name, user: {} }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  })
}
