// The sources of the plugin and a platform in; one executable file, for machines without Node, out.
//
//   this Linux   the Node that runs this ─▶ a note in its own memory (elf-note.ts)
//   any other    Node of that platform, fetched ─▶ what Node itself writes ─▶ for macOS an ad-hoc signature
import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { buildPlugin } from './build.ts'
import { withNote } from './elf-note.ts'
import { signedAdHoc } from './mach-o-signature.ts'
import { fetchNode, isPlatform, type Platform } from './node-release.ts'
import { withoutSignature } from './pe-signature.ts'

const run = promisify(execFile)
/** Node looks for its application only where this says 1. */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'

export interface ExecutableOptions {
  readonly outfile: string
  readonly platform: Platform
  /** Where Node for other platforms is kept. */
  readonly cache: string
}

/** Writes the executable; `bytes` is its size. For another platform it is written, and can not be tried. */
export async function buildExecutable(options: ExecutableOptions): Promise<{ bytes: number }> {
  const { outfile, platform, cache } = options
  const folder = await mkdtemp(join(tmpdir(), 'executable-'))
  try {
    const main = join(folder, 'main.cjs')
    await buildPlugin(main, 'cjs')
    const isHere = platform === here()
    if (isHere && process.platform === 'linux') await withThisNode(outfile, { folder, main })
    else await withFetchedNode({ outfile, platform, cache }, { folder, main })
    await chmod(outfile, 0o755)
    // It is built when it has started once.
    if (isHere) await run(resolve(outfile), ['--help'])
    return { bytes: (await stat(outfile)).size }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The platform that this runs on. */
export function here(): string {
  return `${process.platform}-${process.arch}`
}

interface Room {
  readonly folder: string
  readonly main: string
}

async function withThisNode(outfile: string, { folder, main }: Room): Promise<void> {
  const output = join(folder, 'application')
  const config = { main, output, disableExperimentalSEAWarning: true, useCodeCache: true }
  await writeFile(join(folder, 'config.json'), JSON.stringify(config))
  await run(process.execPath, ['--experimental-sea-config', join(folder, 'config.json')])
  const node = join(folder, 'node')
  await copyFile(process.execPath, node)
  await strip(node)
  const program = await readFile(node)
  const at = program.indexOf(`${fuse}:0`)
  if (at < 0) throw new Error('this Node can not carry an application')
  program.write('1', at + fuse.length + 1)
  await writeFile(outfile, withNote(program, 'NODE_SEA_BLOB', await readFile(output)))
}

async function withFetchedNode(
  { outfile, platform, cache }: ExecutableOptions,
  { folder, main }: Room,
): Promise<void> {
  const builder = here()
  if (!isPlatform(builder)) throw new Error(`executables can not be built on ${builder}`)
  const output = join(folder, 'executable')
  const executable = join(folder, 'node')
  await copyFile(await fetchNode(platform, cache), executable)
  if (platform.startsWith('linux')) await strip(executable)
  // Code that V8 has compiled runs on the processor that it was compiled on.
  const useCodeCache = platform === builder
  const config = { main, output, executable, disableExperimentalSEAWarning: true, useCodeCache }
  await writeFile(join(folder, 'config.json'), JSON.stringify(config))
  await run(await fetchNode(builder, cache), ['--build-sea', join(folder, 'config.json')])
  const program = await readFile(output)
  await writeFile(outfile, signedFor(platform, program))
}

function signedFor(platform: Platform, program: Buffer): Buffer {
  if (platform.startsWith('darwin')) return signedAdHoc(program, 'kubectl-sluice')
  return platform.startsWith('win32') ? withoutSignature(program) : program
}

/** A third of it is for debuggers. Without a tool for that platform it stays in. */
async function strip(program: string): Promise<void> {
  for (const tool of ['llvm-strip', 'strip']) {
    const isDone = await run(tool, ['--strip-all', program]).then(
      () => true,
      () => false,
    )
    if (isDone) return
  }
}
