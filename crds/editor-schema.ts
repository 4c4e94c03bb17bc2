// A kind in, a JSON Schema for editors out. Unlike the API server's it refuses unknown fields, so that an
// editor marks a misspelt one; refinements are left to the API server and to `kubectl sluice plan`.
import { z } from 'zod'
import type { Kind } from './kinds.ts'
import { group, version } from './rollout.ts'

/** Draft 7: the newest that the YAML language server and IDEs take without settings. */
export function editorSchema(kind: Kind): object {
  const schema = z.toJSONSchema(kind.schema, {
    target: 'draft-7',
    io: 'input',
    reused: 'inline',
    override: ({ jsonSchema }) => clean(jsonSchema),
  })
  const { $schema, ...rest } = schema
  return {
    $schema,
    $id: `urn:${group.replaceAll('.', '-')}:${version}:${kind.singular}`,
    title: kind.kind,
    ...rest,
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
  }
}

/** Words of the API server mean nothing to an editor; an exactly-one rule can be said in both. */
function clean(schema: Record<string, unknown>): void {
  for (const key of Object.keys(schema)) {
    if (key === 'cel' || key.startsWith('x-kubernetes-')) delete schema[key]
  }
  const { exactlyOne } = schema
  if (Array.isArray(exactlyOne)) {
    schema['oneOf'] = exactlyOne.map((key) => ({ required: [key] }))
    delete schema['exactlyOne']
  }
}
