// Every kind of host against a server that speaks its API.
import { hostKinds } from '../../git/hosts/host.ts'
import { dialects } from '../doubles/git-hosts/dialects.ts'
import { startHost } from '../doubles/git-hosts/server.ts'
import { canary, gitHostApiContract, project } from './git-host-api.ts'

for (const kind of hostKinds) {
  gitHostApiContract({
    kind,
    start: () => startHost(dialects[kind], { token: canary, project }),
    failed: kind === 'gitlab' ? 'failed' : 'failure',
    comparesHead: kind === 'github',
  })
}
