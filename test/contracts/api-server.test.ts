// The embedded API server holds the contract of a Kubernetes API server.
import { fileURLToPath } from 'node:url'
import { readCrdFolders } from '../../lab/apiserver/crd-files.ts'
import { startApiServer } from '../../lab/apiserver/server.ts'
import { widgetCrd } from '../../lab/apiserver/testing.ts'
import { apiServerContract } from './api-server.ts'

apiServerContract('the lab', async () => {
  const crds = await readCrdFolders(fileURLToPath(new URL('../../crds', import.meta.url)))
  const server = await startApiServer({ crds: [...crds, widgetCrd] })
  return {
    url: server.url,
    run: 'lab',
    compact: async () => server.compact(),
    close: () => server.close(),
  }
})
