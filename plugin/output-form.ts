// The value of `-o` in, how objects are written out: as kubectl has it.
import type { Flag } from './flags.ts'
import { list, record, text } from './json.ts'
import { parseJsonPath } from './jsonpath.ts'

export const outputFlag: Flag = {
  short: 'o',
  takes: 'FORM',
  values: ['wide', 'json', 'yaml', 'name', 'jsonpath='],
  help: 'form of the output',
}

/** For commands whose only other form is for programs. */
export const jsonFlag: Flag = {
  short: 'o',
  takes: 'FORM',
  values: ['json'],
  help: 'form of the output',
}

/** For tables of what is no object of the API server. */
export const tableFlag: Flag = { ...jsonFlag, values: ['wide', 'json'] }

export type Form =
  | { readonly kind: 'table'; readonly isWide: boolean }
  /** `whole` writes an object or a list, `line` one object of a watch. */
  | {
      readonly kind: 'objects'
      readonly whole: (object: unknown) => Promise<string>
      readonly line: (object: unknown) => Promise<string>
    }

/** Fails with `UsageError` when a jsonpath is not understood. */
export function formOf(output: string | undefined): Form {
  if (output?.startsWith('jsonpath=')) {
    const render = parseJsonPath(output.slice('jsonpath='.length))
    const write = async (object: unknown) => render(object)
    return { kind: 'objects', whole: write, line: write }
  }
  switch (output) {
    case 'json':
      return {
        kind: 'objects',
        whole: async (object) => `${JSON.stringify(object, null, 4)}\n`,
        line: async (object) => `${JSON.stringify(object)}\n`,
      }
    case 'yaml':
      return { kind: 'objects', whole: yaml, line: async (object) => `---\n${await yaml(object)}` }
    case 'name':
      return { kind: 'objects', whole: names, line: async (object) => nameLine(object) }
    default:
      return { kind: 'table', isWide: output === 'wide' }
  }
}

async function names(object: unknown): Promise<string> {
  const { items } = record(object)
  return items === undefined ? nameLine(object) : list(items).map(nameLine).join('')
}

function nameLine(item: unknown): string {
  return `rollout.sluice.dev/${text(record(record(item)['metadata'])['name'])}\n`
}

async function yaml(value: unknown): Promise<string> {
  const { stringify } = await import('yaml')
  return stringify(value, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false })
}
