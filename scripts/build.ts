// Bundles what is shipped: the controller and the plugin, one file each, into dist/. With --executable also a program
// of the plugin for Linux machines without Node, of the processor that this runs on.
import { buildPlugin } from '../plugin/bundle/build.ts'
import { buildExecutable } from '../plugin/bundle/executable.ts'
import { bundleController } from './bundle-controller.ts'

const controller = await bundleController('dist/controller.mjs')
const plugin = await buildPlugin('dist/kubectl-sluice.mjs')
const sizes = [
  { path: 'dist/controller.mjs', ...controller },
  { path: 'dist/kubectl-sluice.mjs', ...plugin },
]
if (process.argv.includes('--executable')) {
  const path = `dist/kubectl-sluice-${process.platform}-${process.arch}`
  sizes.push({ path, ...(await buildExecutable(path)) })
}
for (const { path, bytes } of sizes) {
  process.stdout.write(`${path} ${Math.round(bytes / 1024)} kB\n`)
}
