// A kind in, its CustomResourceDefinition out, as an object and as YAML.
import { stringify } from 'yaml'
import type { Kind } from './kinds.ts'
import { apiVersion, group, version } from './rollout.ts'
import { type Structural, structural } from './structural.ts'

export function customResource(kind: Kind) {
  const schema = rootSchema(kind)
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.plural}.${group}` },
    spec: {
      group,
      scope: kind.isClusterWide ? 'Cluster' : 'Namespaced',
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.singular,
        shortNames: [kind.shortName],
        categories: ['sluice'],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          additionalPrinterColumns: kind.columns,
          subresources: subresources(kind, schema),
          schema: { openAPIV3Schema: schema },
        },
      ],
    },
  }
}

/**
 * YAML for the API server and for people; `header` says that it is generated. The API server reads YAML 1.1,
 * where a bare `off` is false, so such words are quoted.
 */
export function customResourceYaml(kind: Kind, header: string): string {
  const text = stringify(plainJson(customResource(kind)), {
    aliasDuplicateObjects: false,
    compat: 'yaml-1.1',
    lineWidth: 100,
  })
  return `${header}${text}`
}

/** The API server itself checks apiVersion, kind and metadata; a schema may only bound the name. */
export function rootSchema(kind: Kind): Structural {
  const { properties, ...root } = structural(kind.schema)
  const { spec, status, metadata } = properties ?? {}
  const name = metadata?.properties?.['name']
  if (spec === undefined || name === undefined) {
    throw new Error(`${kind.kind} needs spec and metadata.name`)
  }
  const { 'x-kubernetes-preserve-unknown-fields': _, ...closed } = root
  return {
    ...closed,
    required: ['spec'],
    properties: {
      apiVersion: { description: `${apiVersion}.`, type: 'string', maxLength: 63 },
      kind: { description: `${kind.kind}.`, type: 'string', maxLength: 63 },
      metadata: {
        type: 'object',
        properties: {
          name: {
            description: kind.isClusterWide ? 'Unique in the cluster.' : 'Unique in its namespace.',
            type: 'string',
            ...bounds(name),
          },
        },
      },
      spec,
      ...(status === undefined ? {} : { status }),
    },
  }
}

function bounds({ minLength, maxLength, pattern }: Structural): Structural {
  return JSON.parse(JSON.stringify({ minLength, maxLength, pattern }))
}

function subresources(kind: Kind, schema: Structural) {
  return {
    ...(schema.properties?.['status'] === undefined ? {} : { status: {} }),
    ...(kind.scale === undefined ? {} : { scale: kind.scale }),
  }
}

function plainJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}
