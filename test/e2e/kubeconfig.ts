// A server and a token in, the text of a kubeconfig out.
import { stringify } from 'yaml'

export function renderKubeconfig(given: {
  readonly url: string
  readonly authority: string
  readonly token: string
  readonly namespace: string
}): string {
  const name = 'sluice-e2e'
  const authority = Buffer.from(given.authority).toString('base64')
  const cluster = { server: given.url, 'certificate-authority-data': authority }
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster }],
    users: [{ name, user: { token: given.token } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: given.namespace } }],
  })
}
