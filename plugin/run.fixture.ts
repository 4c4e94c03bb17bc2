// Words of a command line in; what the plugin printed, what it complained of and its exit code out.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rollout } from '../test/fixtures/rollout.ts'
import type { World } from './invocation.ts'
import { main } from './main.ts'

export const now = Date.parse('2026-01-01T00:05:00Z')

/** A rollout at its first step, one minute in. */
export const status = {
  decision: 3,
  fence: 3,
  phase: 'Progressing',
  canary: { revision: '77ab01cdef', commit: '9f8e7d6c5b4a' },
  stable: { revision: '5d8f22aa01' },
  step: 0,
  progress: '1/2',
  since: '2026-01-01T00:04:00Z',
  weight: 5,
  weights: [
    { revision: '5d8f22aa01', weight: 95 },
    { revision: '77ab01cdef', weight: 5 },
  ],
  because: 'revision 77ab01cdef starts with 5 % of traffic',
  evidence: [
    {
      check: 'errors',
      outcome: 'Passed',
      because: 'few failed',
      value: 99.9,
      min: 99,
      at: '2026-01-01T00:04:30Z',
    },
  ],
}

export const found = { ...rollout({ metadata: { resourceVersion: '7' } }), status }

export interface Ran {
  readonly out: string
  readonly err: string
  readonly code: number
}

/** Runs the plugin against the server at `url`, as ann of namespace shop. Nothing may tell of her token. */
export async function run(
  url: string,
  argv: readonly string[],
  over: Partial<World> = {},
): Promise<Ran> {
  const folder = await mkdtemp(join(tmpdir(), 'plugin-'))
  const path = join(folder, 'kubeconfig')
  await writeFile(
    path,
    JSON.stringify({
      'current-context': 'lab',
      contexts: [{ name: 'lab', context: { cluster: 'c', user: 'ann', namespace: 'shop' } }],
      clusters: [{ name: 'c', cluster: { server: url } }],
      users: [{ name: 'ann', user: { token: 's3cret' } }],
    }),
  )
  let out = ''
  let err = ''
  try {
    const code = await main(argv, {
      env: { KUBECONFIG: path },
      home: folder,
      style: { width: null, hasColour: false },
      isInteractive: false,
      now: () => now,
      sleep: () => new Promise((resolve) => setImmediate(resolve)),
      newId: () => 'id-1',
      print: (text) => {
        out += text
      },
      printError: (text) => {
        err += text
      },
      readInput: async () => '',
      terminal: null,
      ...over,
    })
    if (/s3cret|node:internal/.test(out + err)) throw new Error(`told a secret: ${out}${err}`)
    return { out, err, code }
  } finally {
    await rm(folder, { recursive: true })
  }
}
