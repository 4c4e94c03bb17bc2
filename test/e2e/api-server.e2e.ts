// A real API server holds the same contract: what it does not hold, the contract states wrongly.
import { widgetCrd } from '../../lab/apiserver/testing.ts'
import { apiServerContract } from '../contracts/api-server.ts'
import { compact, connectTo, currentControlPlane } from './current.ts'
import { install } from './definitions.ts'

apiServerContract('a real kube-apiserver', async () => {
  const { url, token, authority, etcdUrl } = await currentControlPlane()
  const api = connectTo({ url, token, authority })
  await install(api, [widgetCrd])
  await api.close()
  const run = 'real'
  return { url, token, authority, run, compact: () => compact(etcdUrl), close: async () => {} }
})
