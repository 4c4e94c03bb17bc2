// The sources of the plugin in, one executable file out, for Node 20 and newer.
import { chmod, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync } from 'node:zlib'
import { build, type Plugin } from 'esbuild'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

const banner = `#!/usr/bin/env node
import{createRequire}from'node:module';const require=createRequire(import.meta.url);`

// `import 'node:http'` reads every export, and one of them loads a WebSocket client: 20 ms of the start.
// `require` does not, so the bundle requires what the sources import.
const requiredBuiltins: Plugin = {
  name: 'required-builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === 'require-call' ? { path, external: true } : { path, namespace: 'builtin' },
    )
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = require('${path}')`,
    }))
  },
}

// The CRDs are files of the repository: the bundle holds what lint/schemas.ts makes of them.
const evaluatedSchemas: Plugin = {
  name: 'evaluated-schemas',
  setup({ onLoad }) {
    onLoad({ filter: /\/plugin\/lint\/schemas\.ts$/ }, async ({ path }) => {
      const { schemas } = await import(path)
      const text = packed(JSON.stringify(schemas))
      return {
        contents: `${unpack}export const schemas = JSON.parse(unpack('${text}'))`,
        resolveDir,
      }
    })
  },
}

// Colours are for editors.
const withoutColours: Plugin = {
  name: 'without-colours',
  setup({ onLoad }) {
    onLoad({ filter: /\/@lezer\/highlight\/dist\/index[.a-z]*js$/ }, () => ({
      contents: `export const styleTags = () => () => null
export const tags = new Proxy(() => null, { get: (target) => target })`,
    }))
  },
}

/** A library as packed text, a quarter of its size, which is unpacked when it is used first. */
function packedLibrary(name: string, filter: RegExp, exports: readonly string[]): Plugin {
  return {
    name: `packed-${name}`,
    setup({ onLoad }) {
      onLoad({ filter }, async ({ path }) => {
        const names = exports.join(', ')
        const { outputFiles } = await build({
          stdin: { contents: `export { ${names} } from '${path}'`, resolveDir },
          plugins: [withoutColours],
          bundle: true,
          platform: 'node',
          format: 'cjs',
          target: 'node20',
          minify: true,
          legalComments: 'none',
          write: false,
        })
        const text = packed(outputFiles[0]?.text ?? '')
        const contents = `${unpack}const module = { exports: {} }
new Function('module', 'exports', unpack('${text}'))(module, module.exports)
export const { ${names} } = module.exports`
        return { contents, resolveDir }
      })
    },
  }
}

const grammar = packedLibrary('grammar', /\/@prometheus-io\/lezer-promql\/dist\/index[.a-z]*js$/, [
  'parser',
])
// A name that is missing here fails the build.
const yaml = packedLibrary('yaml', /\/yaml\/browser\/dist\/index\.js$/, [
  ...[
    'parse',
    'parseAllDocuments',
    'stringify',
    'Composer',
    'CST',
    'Lexer',
    'LineCounter',
    'Parser',
  ],
  ...['isAlias', 'isMap', 'isNode', 'isPair', 'isScalar', 'isSeq'],
])

const resolveDir = path('.')
const unpack = `import { brotliDecompressSync } from 'node:zlib'
const unpack = (text) => brotliDecompressSync(Buffer.from(text, 'base64')).toString()
`

function packed(text: string): string {
  return brotliCompressSync(text).toString('base64')
}

// The engine of reverts reads definitions by the schemas of crds/. The bundle reads them as lint does.
const smallParser: Plugin = {
  name: 'small-parser',
  setup({ onResolve }) {
    onResolve({ filter: /\/crds\/(parse|problem)\.ts$/ }, () => ({ path: path('lint/parse.ts') }))
  },
}

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
    minify: true,
    legalComments: 'none',
    banner: { js: banner },
    plugins: [requiredBuiltins, evaluatedSchemas, grammar, yaml, smallParser],
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
