// Bundles what is shipped: the controller and the plugin, one file each, into dist/. With --executable also programs of
// the plugin for machines without Node: for the platform that this runs on, or for those that are named.
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildPlugin } from '../plugin/bundle/build.ts'
import { buildExecutable, here } from '../plugin/bundle/executable.ts'
import { isPlatform, type Platform, platforms } from '../plugin/bundle/node-release.ts'
import { bundleController } from './bundle-controller.ts'

const help = `Usage: npm run build
       npm run build:executable [-- --platform NAME… | --all]

Writes dist/controller.mjs and dist/kubectl-sluice.mjs, for machines with Node; build:executable also programs of the
plugin for machines without.

  --platform NAME  one of ${platforms.join(', ')}; more than once if you like
  --all            for all of them

On Linux the program for the same machine needs no network. For others, Node is fetched from the npm registry and kept
in ~/.cache/sluice. Programs for macOS carry an ad-hoc signature: they run where they are copied to, and a browser's
download has to be allowed first (xattr -d com.apple.quarantine FILE). To sign one with your own certificate, on a Mac:
codesign --force -s NAME FILE. Programs for Windows are not signed.
`

function asked(): readonly Platform[] {
  const { values } = parseArgs({
    options: {
      executable: { type: 'boolean' },
      platform: { type: 'string', multiple: true },
      all: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    process.exit(0)
  }
  if (values.all) return platforms
  const names = values.platform ?? (values.executable ? [here()] : [])
  return names.map((name) => {
    if (isPlatform(name)) return name
    throw new Error(`no executable for ${name}; there are ${platforms.join(', ')}`)
  })
}

async function build(): Promise<void> {
  const wanted = asked()
  const told = (path: string, { bytes }: { readonly bytes: number }) =>
    process.stdout.write(`${path} ${Math.round(bytes / 1024)} kB\n`)
  told('dist/controller.mjs', await bundleController('dist/controller.mjs'))
  told('dist/kubectl-sluice.mjs', await buildPlugin('dist/kubectl-sluice.mjs'))
  const cache = join(homedir(), '.cache', 'sluice')
  for (const platform of wanted) {
    const outfile = `dist/kubectl-sluice-${platform}${platform.startsWith('win32') ? '.exe' : ''}`
    told(outfile, await buildExecutable({ outfile, platform, cache }))
  }
}

try {
  await build()
} catch (error) {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
