// The Dockerfile in; what can be known of its image without building it out.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, matchesGlob } from 'node:path'
import { it } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..')
const read = (path: string) => readFile(join(root, path), 'utf8')

/** Instruction and its text, with continued lines joined. */
async function readDockerfile(): Promise<(readonly [instruction: string, text: string])[]> {
  const text = (await read('Dockerfile')).replaceAll(/^#.*\n/gm, '').replaceAll(/\\\n\s*/g, '')
  return text.split('\n').flatMap((line) => {
    const [, instruction = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? []
    return instruction ? [[instruction, rest] as const] : []
  })
}

it('the image runs the Node that everything is tested with, by tag, and claims no digest', async () => {
  const lines = await readDockerfile()
  const { devDependencies } = JSON.parse(await read('package.json'))
  const [, base = ''] = lines.find(([name]) => name === 'ARG') ?? []
  assert.match(
    base,
    new RegExp(`^NODE_IMAGE=docker\\.io/library/node:${devDependencies.node}-[a-z-]+$`),
  )
  const bases = lines.filter(([name]) => name === 'FROM').map(([, text]) => text.split(' ')[0])
  assert.deepEqual([...new Set(bases)], [`$${'{NODE_IMAGE}'}`])
})

it('the image runs as the user of the chart, which is not root, and has Git and SSH', async () => {
  const lines = await readDockerfile()
  const chart = await read('charts/sluice/templates/deployment.yaml')
  const user = /runAsUser: (\d+)/.exec(chart)?.[1]
  const group = /runAsGroup: (\d+)/.exec(chart)?.[1]
  assert.equal(lines.findLast(([name]) => name === 'USER')?.[1], `${user}:${group}`)
  const [, install = ''] = lines.findLast(([name]) => name === 'RUN') ?? []
  for (const word of ['git', 'openssh-client', 'gpg', 'gpg-agent', 'ca-certificates'])
    assert.ok(install.includes(` ${word} `))
  assert.ok(lines.every(([name, text]) => name !== 'ADD' && !/curl|wget|sudo/.test(text)))
})

it('the image starts the controller as it is measured, and the chart replaces only its arguments', async () => {
  const lines = await readDockerfile()
  const [, entry = '[]'] = lines.find(([name]) => name === 'ENTRYPOINT') ?? []
  const [program, flag, bundle] = JSON.parse(entry)
  assert.equal(program, '/usr/local/bin/node')
  assert.ok((await read('test/bench/fleet/process.ts')).includes(`'${flag}'`))
  assert.ok(lines.some(([name, text]) => name === 'COPY' && text.endsWith(` ${bundle}`)))
  assert.doesNotMatch(await read('charts/sluice/templates/deployment.yaml'), /^\s+command:/m)
})

it('what the image is built of is sent to the builder, and is enough to build the bundle', async () => {
  const lines = await readDockerfile()
  const copied = lines
    .filter(([name, text]) => name === 'COPY' && !text.includes('--from='))
    .flatMap(([, text]) =>
      text
        .split(' ')
        .filter((word) => !word.startsWith('--'))
        .slice(0, -1),
    )
  const ignore = (await read('.dockerignore')).split('\n')
  const isTold = (path: string) => ignore.includes(`!${path}`)
  assert.deepEqual(
    copied.filter((path) => !isTold(path)),
    [],
  )
  const directory = await mkdtemp(join(tmpdir(), 'sluice-image-'))
  try {
    const left = ignore.filter((line) => line.startsWith('**/'))
    for (const path of copied) {
      const filter = (source: string) => !left.some((glob) => matchesGlob(source, glob))
      await cp(join(root, path), join(directory, path), { recursive: true, filter })
    }
    await symlink(join(root, 'node_modules'), join(directory, 'node_modules'))
    await run(process.execPath, ['scripts/build.ts'], { cwd: directory })
    const bundle = join(directory, 'dist', 'controller.mjs')
    assert.ok((await stat(bundle)).size > 100_000)
    const { stdout } = await run(process.execPath, [bundle, '--help'])
    assert.match(stdout, /--lease-namespace/)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})
