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
      return { contents: `export const schemas = ${JSON.stringify(schemas)}` }
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

interface Parcel {
  readonly name: string
  /** Where the sources import it. */
  readonly filter: RegExp
  /** What it exports, as a module. */
  readonly contents: string
  readonly exports: readonly string[]
  /** Modules outside of it: by the name that it asks for, the path in the bundle. */
  readonly shared?: Readonly<Record<string, string>>
  readonly plugins?: readonly Plugin[]
}

/** Code that few commands use, as packed text: a quarter of its size, and nothing to read for the others. */
function packedCode({
  name,
  filter,
  contents,
  exports,
  shared = {},
  plugins = [],
}: Parcel): Plugin {
  return {
    name: `packed-${name}`,
    setup({ onResolve, onLoad }) {
      onResolve({ filter }, () => ({ path: name, namespace: 'packed' }))
      onLoad({ filter: new RegExp(`^${name}$`), namespace: 'packed' }, async () => {
        const { outputFiles } = await build({
          stdin: { contents, resolveDir },
          external: Object.keys(shared),
          plugins: [...plugins],
          bundle: true,
          platform: 'node',
          format: 'cjs',
          target: 'node20',
          minify: true,
          legalComments: 'none',
          write: false,
        })
        const text = packed(outputFiles[0]?.text ?? '')
        const modules = Object.values(shared).map(
          (path, i) => `import * as shared${i} from '${path}'`,
        )
        const names = Object.keys(shared).map((name, i) => `${JSON.stringify(name)}: shared${i}`)
        return {
          contents: `${unpack}${modules.join('\n')}
const module = { exports: {} }, known = { ${names.join(', ')} }
new Function('module', 'exports', 'require', unpack('${text}'))(module, module.exports,
  (name) => known[name] ?? require(name))
export const { ${exports.join(', ')} } = module.exports`,
          resolveDir,
        }
      })
    },
  }
}

const grammar = packedCode({
  name: 'grammar',
  filter: /^@prometheus-io\/lezer-promql$/,
  contents: "export { parser } from '@prometheus-io/lezer-promql'",
  exports: ['parser'],
  plugins: [withoutColours],
})

/** The sources are written for Node 24, and the bundle runs on 20. */
const olderNode = `Promise.withResolvers ??= function () {
  const deferred = {}
  deferred.promise = new this((resolve, reject) => Object.assign(deferred, { resolve, reject }))
  return deferred
}
Map.groupBy ??= (items, keyOf) => {
  const groups = new Map()
  let at = 0
  for (const item of items) {
    const key = keyOf(item, at++)
    if (!groups.has(key)) groups.set(key, [])
    groups.get(key).push(item)
  }
  return groups
}`

const judgement = [
  ...['compare/judge-file', 'compare/ticks', 'judge/reading'],
  ...['metrics/tables', 'query/query'],
]
const replayed = ['backtest', 'judge-bound', 'own-query', 'past', 'selector', 'serving'].map(
  (name) => `backtest/${name}`,
)

const analysis = packedCode({
  name: 'analysis',
  filter: new RegExp(`/analysis/(${[...judgement, ...replayed].join('|')})\\.ts$`),
  contents: [
    ...[...judgement, ...replayed].map((name) => `export * from '../../analysis/${name}.ts'`),
    olderNode,
  ].join('\n'),
  exports: [
    ...['judgeFile', 'judgeBound', 'judgementJson', 'TickFileError'],
    ...['metricTables', 'serviceOf', 'questionFor'],
    ...['noTrials', 'historyMs', 'summaryOf', 'tried', 'pastOf', 'rawSelector'],
    ...['ownBacktest', 'ownPlan', 'ownRanges', 'ownReading'],
    ...['servingOf', 'servingQuery', 'servingStepMs'],
  ],
})

// The engine of reverts reads definitions by the schemas of crds/. The bundle reads them as lint does.
const asLint: Plugin = {
  name: 'as-lint',
  setup({ onResolve }) {
    onResolve({ filter: /\/crds\/parse\.ts$/ }, () => ({ path: 'lint', external: true }))
  },
}

const checks = packedCode({
  name: 'checks',
  filter: /\/lint\/(lint|parse|references|schema-check|schemas|yaml-places)\.ts$/,
  contents: ['lint', 'parse', 'references', 'schema-check', 'schemas', 'yaml-places']
    .map((name) => `export * from '../lint/${name}.ts'`)
    .join('\n'),
  exports: [
    ...['lint', 'checkObject', 'checkSchema', 'readCheck', 'resolved', 'schemas', 'readYaml'],
    ...['parseRollout', 'parseAnalysisTemplate'],
  ],
  shared: { yaml: 'yaml' },
  plugins: [evaluatedSchemas, grammar],
})

const engine = packedCode({
  name: 'engine',
  filter: /\/git\/revert\/(dry-run|restore)\.ts$/,
  contents: `export * from '../../git/revert/dry-run.ts'
export * from '../../git/revert/restore.ts'
${olderNode}`,
  exports: ['dryRun', 'restore'],
  shared: { yaml: 'yaml', lint: path('../lint/parse.ts') },
  plugins: [asLint],
})

// Kubeconfigs, files and -o yaml: every command reads some of it, and unpacking takes two milliseconds.
const yaml = packedCode({
  name: 'yaml',
  filter: /^yaml$/,
  // Its form for browsers is made of ES modules, which bundle well.
  contents: `export * from '../../node_modules/yaml/browser/dist/index.js'`,
  exports: Object.keys(await import('yaml')).filter((name) => /^(?!default$)\w+$/.test(name)),
})

const resolveDir = path('.')
const unpack = `import { brotliDecompressSync } from 'node:zlib'
const unpack = (text) => brotliDecompressSync(Buffer.from(text, 'base64')).toString()
`

function packed(text: string): string {
  return brotliCompressSync(text).toString('base64')
}

/** Writes the bundle; `bytes` is its size. CommonJS is for the executable. */
export async function buildPlugin(
  outfile: string = path('../../dist/kubectl-sluice.mjs'),
  format: 'esm' | 'cjs' = 'esm',
): Promise<{ bytes: number }> {
  await build({
    entryPoints: [path('../kubectl-sluice.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format,
    target: 'node20',
    minify: true,
    legalComments: 'none',
    banner: { js: format === 'esm' ? banner : '' },
    plugins: [requiredBuiltins, checks, analysis, engine, yaml],
    logLevel: 'error',
  })
  await chmod(outfile, 0o755)
  return { bytes: (await stat(outfile)).size }
}

if (import.meta.main) {
  const { bytes } = await buildPlugin()
  process.stdout.write(`dist/kubectl-sluice.mjs: ${Math.ceil(bytes / 1024)} KiB\n`)
}
