// A number of services and commits in; a bare repository that looks like the monorepo of a company out.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'

export interface Monorepo {
  readonly repository: string
  readonly services: number
  readonly commits: number
}

export const nameOf = (service: number) => `service-${String(service).padStart(4, '0')}`
export const pathOf = (service: number, file = 'rollout') =>
  `teams/team-${service % 50}/${nameOf(service)}/${file}.yaml`

/** Four files for each service, then one release of one service in each commit. */
export async function createMonorepo({ repository, services, commits }: Monorepo): Promise<void> {
  execFileSync('git', ['init', '--quiet', '--bare', '-b', 'main', repository])
  const import_ = spawn('git', ['fast-import', '--quiet'], {
    cwd: repository,
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  const done = once(import_, 'close')
  const write = async (text: string) => {
    if (!import_.stdin.write(text)) await once(import_.stdin, 'drain')
  }
  await write(commitText(0))
  for (let service = 0; service < services; service++) {
    for (const [path, text] of filesOf(service)) await write(fileText(path, text))
  }
  for (let commit = 1; commit < commits; commit++) {
    const service = (commit * 37) % services
    const text = rolloutText(service, `1.${commit}`)
    await write(`${commitText(commit)}${fileText(pathOf(service), text)}`)
  }
  import_.stdin.end()
  const [code] = await done
  if (code !== 0) throw new Error(`git fast-import ended with ${code}`)
}

/** Pushes one commit, as a person would; returns its id. */
export function commitFiles(repository: string, files: ReadonlyMap<string, string>): string {
  const git = (args: readonly string[], input = '') =>
    execFileSync('git', [...args], { cwd: repository, input, encoding: 'utf8' }).trim()
  const from = `from ${git(['rev-parse', 'main'])}\n`
  const changes = [...files].map(([path, text]) => fileText(path, text)).join('')
  git(['fast-import', '--quiet'], `${commitText(100_000)}${from}${changes}`)
  return git(['rev-parse', 'main'])
}

const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`
const fileText = (path: string, text: string) => `M 100644 inline ${path}\n${data(text)}`
const commitText = (number: number) =>
  `commit refs/heads/main\ncommitter Ada <ada@example.com> ${1_700_000_000 + number * 60} +0000\n${data(`change ${number}`)}`

function filesOf(service: number): [string, string][] {
  const name = nameOf(service)
  return [
    [pathOf(service), rolloutText(service, '1.0')],
    [
      pathOf(service, 'service'),
      `apiVersion: v1\nkind: Service\nmetadata:\n  name: ${name}\nspec:\n  selector: { app: ${name} }\n  ports:\n    - { name: http, port: 80 }\n`,
    ],
    [
      pathOf(service, 'config'),
      `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n${Array.from({ length: 20 }, (_, i) => `  KEY_${i}: "value ${i} of ${name}"\n`).join('')}`,
    ],
    [
      pathOf(service, 'budget'),
      `apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata:\n  name: ${name}\nspec:\n  minAvailable: 1\n  selector: { matchLabels: { app: ${name} } }\n`,
    ],
  ]
}

export function rolloutText(service: number, tag: string): string {
  const name = nameOf(service)
  return `apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata:
  name: ${name}
  labels:
    team: team-${service % 50}
spec:
  replicas: 3
  selector:
    matchLabels:
      app: ${name}
  template:
    metadata:
      labels:
        app: ${name}
    spec:
      containers:
        - name: app
          image: registry.example.com/${name}:${tag} # the release
          ports:
            - containerPort: 8080
          env:
            - { name: LOG_LEVEL, value: info }
            - { name: REGION, value: eu-central }
          resources:
            requests: { cpu: 100m, memory: 128Mi }
            limits: { memory: 256Mi }
          readinessProbe:
            httpGet: { path: /ready, port: 8080 }
  traffic:
    istio:
      host: ${name}
  canary:
    steps:
      - { weight: 5, hold: 2m }
      - { weight: 25, hold: 5m }
      - { weight: 50, hold: 5m }
`
}
