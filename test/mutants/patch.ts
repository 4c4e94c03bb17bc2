// Loaded with --import: the product with one mutant in it, named by SLUICE_MUTANT. No file is touched.
import { registerHooks } from 'node:module'
import { mutants } from './mutant.ts'

const name = process.env['SLUICE_MUTANT'] ?? ''
const mutant = mutants.find((candidate) => candidate.name === name)
if (!mutant) throw new Error(`there is no mutant "${name}"`)
const url = new URL(`../../${mutant.file}`, import.meta.url).href

registerHooks({
  load(loaded, context, next) {
    const result = next(loaded, context)
    if (loaded !== url || result.source === undefined) return result
    const text = typeof result.source === 'string' ? result.source : decode(result.source)
    if (!text.includes(mutant.find)) throw new Error(`mutant "${name}" does not fit its file`)
    return { ...result, source: text.replace(mutant.find, () => mutant.replace) }
  },
})

function decode(source: ArrayBuffer | NodeJS.TypedArray): string {
  return new TextDecoder().decode(source)
}
