// For tests of this folder: a server with a small custom kind, and a plain HTTP client for it.
import { type ApiServer, type ApiServerOptions, startApiServer } from './server.ts'

/** A kind with defaults, bounds, a keyed list, an atomic list, rules, a status and a scale. */
export const widgetCrd = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.test.dev }
spec:
  group: test.dev
  scope: Namespaced
  names: { plural: widgets, singular: widget, kind: Widget, shortNames: [wd], categories: [all] }
  versions:
    - name: v1
      served: true
      storage: true
      subresources:
        status: {}
        scale: { specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas }
      additionalPrinterColumns:
        - { name: Size, type: integer, jsonPath: .spec.replicas }
        - { name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status' }
      schema:
        openAPIV3Schema:
          type: object
          required: [spec]
          properties:
            spec:
              type: object
              description: What the widget should be.
              properties:
                replicas: { type: integer, minimum: 0, maximum: 100, default: 1 }
                mode: { type: string, enum: [fast, slow], description: How it runs. }
                port: { x-kubernetes-int-or-string: true }
                template: { type: object, x-kubernetes-preserve-unknown-fields: true }
                fixed:
                  type: string
                  maxLength: 5
                  x-kubernetes-validations: [{ rule: self == oldSelf, message: is immutable }]
                steps:
                  type: array
                  maxItems: 3
                  x-kubernetes-list-type: atomic
                  items:
                    type: object
                    required: [weight]
                    properties: { weight: { type: integer }, hold: { type: string } }
                  x-kubernetes-validations:
                    - rule: 'self.all(i, s, i == 0 || self[i - 1].weight <= s.weight)'
                      message: weights must not fall
                parts:
                  type: array
                  x-kubernetes-list-type: map
                  x-kubernetes-list-map-keys: [name]
                  items:
                    type: object
                    required: [name]
                    properties: { name: { type: string }, image: { type: string } }
            status:
              type: object
              properties:
                replicas: { type: integer }
                conditions:
                  type: array
                  items:
                    type: object
                    properties: { type: { type: string }, status: { type: string } }
`

export const widgets = '/apis/test.dev/v1/namespaces/default/widgets'

export interface Reply {
  readonly code: number
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever the server answers
  readonly body: any
  readonly warning: string | null
}

export interface Client {
  readonly server: ApiServer
  send(method: string, path: string, body?: unknown, type?: string): Promise<Reply>
  /** Server-side apply by a manager. */
  apply(path: string, manager: string, body: unknown, query?: string): Promise<Reply>
}

export const noonMs = Date.UTC(2026, 0, 1, 12)

/** Runs a test against its own server and closes it afterwards. */
export async function withServer(
  test: (client: Client) => Promise<void>,
  options: ApiServerOptions = {},
): Promise<void> {
  const server = await startApiServer({ crds: [widgetCrd], clock: () => noonMs, ...options })
  try {
    await test(createClient(server))
  } finally {
    await server.close()
  }
}

function createClient(server: ApiServer): Client {
  const send: Client['send'] = async (method, path, body, type = 'application/json') => {
    const response = await fetch(server.url + path, {
      method,
      headers: { 'content-type': type, 'user-agent': 'tester/1' },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const warning = response.headers.get('warning')
    return { code: response.status, body: text.startsWith('{') ? JSON.parse(text) : text, warning }
  }
  const apply: Client['apply'] = (path, manager, body, query = '') =>
    send('PATCH', `${path}?fieldManager=${manager}${query}`, body, 'application/apply-patch+yaml')
  return { server, send, apply }
}

export function widget(name: string, spec: object = {}, metadata: object = {}) {
  return { apiVersion: 'test.dev/v1', kind: 'Widget', metadata: { name, ...metadata }, spec }
}

export function configMap(name: string, data: object = {}, metadata: object = {}) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data }
}

export const configMaps = '/api/v1/namespaces/default/configmaps'
