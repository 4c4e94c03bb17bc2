// The controller's sources in, one file that Node runs out; the API of scripts/build.ts and of the benchmarks.
import { build, type Plugin } from 'esbuild'

const client = '@kubernetes/client-node'

/** Bundles the controller and says its size. */
export async function bundleController(outfile: string): Promise<{ readonly bytes: number }> {
  const { metafile } = await build({
    entryPoints: ['controller/main.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    minifySyntax: true,
    legalComments: 'linked',
    metafile: true,
    plugins: [withoutModels],
    // Packages written for CommonJS ask for require.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  })
  const sizes = Object.entries(metafile.outputs).map(([path, { bytes }]) => ({ path, bytes }))
  return { bytes: sizes.find(({ path }) => path.endsWith('.mjs'))?.bytes ?? 0 }
}

/** The client does not say of itself that its modules do nothing when they are loaded; they do not. */
const withoutModels: Plugin = {
  name: 'client-without-models',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /.*/ }, async ({ path, importer, resolveDir, kind, pluginData }) => {
      const isClient = path === client || importer.includes(`node_modules/${client}/`)
      if (!isClient || pluginData === client) return null
      const found = await resolve(path, { importer, resolveDir, kind, pluginData: client })
      return { ...found, sideEffects: false }
    })
  },
}
