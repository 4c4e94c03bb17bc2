// The sources of the plugin in, one executable file out, for Node 20 and newer.
import { chmod, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

/** Writes the bundle; `bytes` is its size. */
export async function buildPlugin(
  outfile: string = path('../dist/kubectl-sluice.mjs'),
): Promise<{ bytes: number }> {
  await build({
    entryPoints: [path('kubectl-sluice.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    banner: { js: '#!/usr/bin/env node' },
    // Its form for browsers is made of ES modules, so that what is not used stays out.
    alias: { yaml: path('../node_modules/yaml/browser/dist/index.js') },
    logLevel: 'error',
  })
  await chmod(outfile, 0o755)
  return { bytes: (await stat(outfile)).size }
}

if (import.meta.main) {
  const { bytes } = await buildPlugin()
  process.stdout.write(`dist/kubectl-sluice.mjs: ${Math.ceil(bytes / 1024)} KiB\n`)
}
