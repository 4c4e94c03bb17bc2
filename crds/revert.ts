// What happens in Git after an abort: how, when, and in which fields of which repository.
import { z } from 'zod'
import { Duration, ObjectName } from './fields.ts'

const ReleaseField = z.strictObject({
  field: z
    .string()
    .max(512)
    .regex(/^(\/[^/]+)+$/, 'must be a JSON pointer such as /image/tag')
    .meta({
      description:
        'JSON pointer of the field. In place of an index, name=checkout is the item of a list with that name.',
    }),
  container: z.string().min(1).max(63).meta({ description: 'Container whose image it tells of.' }),
  part: z
    .enum(['tag', 'digest', 'name', 'image'])
    .default('tag')
    .meta({ description: 'What it holds of that image.' }),
})

const Include = z
  .strictObject({
    path: z
      .string()
      .max(1024)
      .regex(/^[^/\\][^\\]*$/, 'must be a path without a leading slash')
      .meta({ description: 'File in the repository, such as the values of a Helm chart.' }),
    fields: z
      .array(ReleaseField)
      .min(1)
      .max(16)
      .meta({ 'x-kubernetes-list-type': 'atomic', description: 'Fields that make up a release.' }),
  })
  .meta({
    description:
      'Where the release stands when it is not in the Rollout itself: values of Helm, a kustomization. Then only these fields are restored.',
  })

export const Revert = z
  .strictObject({
    mode: z
      .enum(['direct', 'pull-request', 'direct-then-pr', 'suggest', 'off'])
      .default('direct')
      .meta({
        description:
          'direct: restore the last good release by a commit on the branch. pull-request: propose that commit. direct-then-pr: propose it where the branch refuses it. suggest: only say what to restore. "off", in quotes: leave Git alone; traffic still goes back.',
      }),
    delay: Duration.default('0s').meta({
      description:
        'How long Git waits after an abort, so that people may retry or commit first. Traffic never waits.',
    }),
    source: ObjectName.optional().meta({
      description:
        'GitSource to restore releases in, for a Rollout that Argo CD or Flux delivers. Default: the one that delivers it.',
    }),
    include: Include.optional(),
  })
  .meta({ description: 'What happens in Git after an abort.' })
