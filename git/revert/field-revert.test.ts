import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { revertFields } from './field-revert.ts'

const path = 'values.yaml'
const values = `# of all services
checkout:
  image: { repository: registry/checkout, tag: "1.5" } # pinned
  replicas: 3
payments:
  image:
    repository: registry/payments
    tag: 1.5   # plain
`
const kustomization = `resources: [../base]
images:
  - name: payments
    newTag: "1.5"
  - name: checkout # ours
    newTag: v1.5
`
const helm = { field: '/checkout/image/tag', bad: '1.5', good: '1.4' }

const edit = (text: string, from: string, to: string) => {
  assert.ok(text.includes(from))
  return text.replace(from, to)
}

describe('fields outside of a Rollout', () => {
  const rows = [
    {
      name: 'of Helm values go back in place, and the neighbour stays',
      text: values,
      fields: [helm],
      result: edit(values, 'tag: "1.5"', 'tag: "1.4"'),
    },
    {
      name: 'of a kustomization are found by name',
      text: kustomization,
      fields: [{ field: '/images/name=checkout/newTag', bad: 'v1.5', good: 'v1.4' }],
      result: edit(kustomization, 'newTag: v1.5', 'newTag: v1.4'),
    },
    {
      name: 'that look like a number are written as text',
      text: values,
      fields: [{ field: '/payments/image/tag', bad: '1.5', good: '1.10' }],
      result: edit(values, 'tag: 1.5 ', 'tag: "1.10" '),
    },
    {
      name: 'go back together',
      text: values,
      fields: [
        helm,
        { field: '/checkout/image/repository', bad: 'registry/checkout', good: 'r/c' },
      ],
      result: edit(edit(values, 'tag: "1.5"', 'tag: "1.4"'), 'registry/checkout', 'r/c'),
    },
    {
      name: 'of a JSON file go back, too',
      text: '{"checkout":{"image":{"tag":"1.5"}}}\n',
      fields: [helm],
      result: '{"checkout":{"image":{"tag":"1.4"}}}\n',
    },
    {
      name: 'that are good already need nothing',
      text: edit(values, '"1.5"', '"1.4"'),
      fields: [helm],
      kind: 'nothing',
    },
    {
      name: 'that the release did not change need nothing',
      text: values,
      fields: [{ ...helm, good: '1.5' }],
      kind: 'nothing',
    },
    {
      name: 'with a third value are somebody else’s',
      text: edit(values, '"1.5"', '"2.0"'),
      fields: [helm],
      kind: 'superseded',
    },
    {
      name: 'of a file that is gone are somebody else’s',
      text: null,
      fields: [helm],
      kind: 'superseded',
    },
    {
      name: 'that are gone need a person',
      text: values,
      fields: [{ ...helm, field: '/checkout/tag' }],
      kind: 'needs-human',
    },
    {
      name: 'that other fields follow need a person',
      text: edit(values, '"1.5"', '&tag "1.5"'),
      fields: [helm],
      kind: 'needs-human',
    },
    {
      name: 'that are there twice need a person',
      text: `${values}---\n${values}`,
      fields: [helm],
      kind: 'needs-human',
    },
    {
      name: 'of a sealed file need a person',
      text: `${values}sops: { mac: x }\n`,
      fields: [helm],
      kind: 'needs-human',
    },
    {
      name: 'of a file that can not be read need a person',
      text: 'a: [',
      fields: [helm],
      kind: 'needs-human',
    },
    {
      name: 'never reach a prototype',
      text: values,
      fields: [{ ...helm, field: '/constructor/name' }],
      kind: 'needs-human',
    },
  ]
  for (const { name, text, fields, result, kind = 'commit' } of rows) {
    it(name, () => {
      const tip = text === null ? null : { path, text }
      const revert = revertFields({ name: 'shop/checkout', tip, fields })
      assert.equal(revert.kind, kind, JSON.stringify(revert))
      if (revert.kind === 'commit') assert.equal(revert.text, result)
    })
  }
})
