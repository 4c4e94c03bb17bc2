// The sources of the plugin and the Node that runs this in; one executable file, for Linux machines without Node, out.
import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { buildPlugin } from './build.ts'
import { withNote } from './elf-note.ts'

const run = promisify(execFile)
/** Node looks for its application only where this says 1. */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'

/** Writes the executable; `bytes` is its size. Fails on other systems than Linux. */
export async function buildExecutable(outfile: string): Promise<{ bytes: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'executable-'))
  try {
    const [main, output] = [join(folder, 'main.cjs'), join(folder, 'application')]
    await buildPlugin(main, 'cjs')
    const config = { main, output, disableExperimentalSEAWarning: true, useCodeCache: true }
    await writeFile(join(folder, 'config.json'), JSON.stringify(config))
    await run(process.execPath, ['--experimental-sea-config', join(folder, 'config.json')])
    const node = join(folder, 'node')
    await copyFile(process.execPath, node)
    // A third of it is for debuggers. Without the tool it stays in.
    await run('strip', ['--strip-all', node]).catch(() => undefined)
    const program = await readFile(node)
    const at = program.indexOf(`${fuse}:0`)
    if (at < 0) throw new Error('this Node can not carry an application')
    program.write('1', at + fuse.length + 1)
    await writeFile(outfile, withNote(program, 'NODE_SEA_BLOB', await readFile(output)))
    await chmod(outfile, 0o755)
    // It is built when it has started once.
    await run(resolve(outfile), ['--help'])
    return { bytes: (await stat(outfile)).size }
  } finally {
    await rm(folder, { recursive: true })
  }
}
