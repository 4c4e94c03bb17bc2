// Bundles what is shipped: the controller and the plugin, one file each, into dist/.
import { buildPlugin } from '../plugin/build.ts'
import { bundleController } from './bundle-controller.ts'

const controller = await bundleController('dist/controller.mjs')
const plugin = await buildPlugin('dist/kubectl-sluice.mjs')
const sizes = [
  { path: 'dist/controller.mjs', ...controller },
  { path: 'dist/kubectl-sluice.mjs', ...plugin },
]
for (const { path, bytes } of sizes) {
  process.stdout.write(`${path} ${Math.round(bytes / 1024)} kB\n`)
}
