// The one class of @kubernetes/client-node that is used, in a file of its own: a bundler that sees a static
// import of one name leaves the generated models out, which are 18 MB that nobody calls.
import { KubeConfig } from '@kubernetes/client-node'

export function newKubeConfig(): KubeConfig {
  return new KubeConfig()
}
