// Bundles what is shipped: the controller and the plugin, one file each, into dist/.
import { build } from 'esbuild'
import { buildPlugin } from '../plugin/build.ts'

const { metafile } = await build({
  entryPoints: ['controller/main.ts'],
  outfile: 'dist/controller.mjs',
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  minifySyntax: true,
  legalComments: 'linked',
  metafile: true,
  // Packages written for CommonJS ask for require.
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
})
const sizes = Object.entries(metafile.outputs).map(([path, { bytes }]) => ({ path, bytes }))
const plugin = await buildPlugin('dist/kubectl-sluice.mjs')
for (const { path, bytes } of [...sizes, { path: 'dist/kubectl-sluice.mjs', ...plugin }]) {
  process.stdout.write(`${path} ${Math.round(bytes / 1024)} kB\n`)
}
