// What the cluster still has of a release in, its text out; the lab fills in what the API server does.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { revisionOf } from '../../crds/revision.ts'
import { withTemplateDefaults as filled } from '../../lab/apiserver/template-defaults.ts'
import { parseYamlFile } from '../yaml/yaml-file.ts'
import { keptText } from './kept-text.ts'
import { releaseOf } from './revert.ts'

const rollout = { namespace: 'shop', name: 'checkout' }
const base = {
  metadata: { labels: { app: 'checkout' } },
  spec: { containers: [{ name: 'app', image: 'app:1' }] },
}
const withApp = (app: Record<string, unknown>, pod: Record<string, unknown> = {}) => ({
  ...base,
  spec: { ...pod, containers: [{ name: 'app', image: 'app:1', ...app }] },
})

const kept = (good: unknown, bad: unknown) =>
  keptText({
    rollout,
    revision: revisionOf(good),
    good: filled(good),
    bad: { filled: filled(bad), written: bad },
  })

const rows: { name: string; good: unknown; bad: unknown; isLost?: boolean }[] = [
  { name: 'another image', good: base, bad: withApp({ image: 'app:2' }) },
  { name: 'a variable more', good: withApp({ env: [{ name: 'A', value: 'on' }] }), bad: base },
  { name: 'a variable less', good: base, bad: withApp({ env: [{ name: 'A', value: 'on' }] }) },
  {
    name: 'ports, of which one came',
    good: withApp({ ports: [{ containerPort: 80 }] }),
    bad: withApp({ ports: [{ containerPort: 80 }, { containerPort: 81 }] }),
  },
  {
    name: 'a default that both wrote',
    good: withApp({ imagePullPolicy: 'IfNotPresent' }, { restartPolicy: 'Always' }),
    bad: withApp({ image: 'app:2', imagePullPolicy: 'IfNotPresent' }, { restartPolicy: 'Always' }),
  },
  { name: 'a default that follows the tag', good: base, bad: withApp({ image: 'app:latest' }) },
  {
    name: 'a container more, at the front',
    good: base,
    bad: {
      ...base,
      spec: { containers: [{ name: 'log', image: 'log:1' }, ...base.spec.containers] },
    },
  },
  {
    name: 'words that YAML reads otherwise',
    good: withApp({ command: ['on', '1:30', '0x1', '~'] }),
    bad: base,
  },
  {
    name: 'a default that the bad release wrote no more',
    good: withApp({}, { restartPolicy: 'Always' }),
    bad: withApp({ image: 'app:2' }),
    isLost: true,
  },
]

describe('the text of a release that only the cluster has', () => {
  for (const { name, good, bad, isLost = false } of rows) {
    it(`is ${isLost ? 'not guessed' : 'found'} with ${name}`, () => {
      const text = kept(good, bad)
      if (isLost) return assert.equal(text, undefined)
      const [document] = parseYamlFile('', text ?? '').documents
      assert.ok(document && document.problems.length === 0)
      assert.deepEqual(releaseOf(document).template, good)
      assert.deepEqual(parse(text ?? '').metadata, { name: 'checkout', namespace: 'shop' })
    })
  }

  it('is not that of another revision', () => {
    const bad = withApp({ image: 'app:2' })
    const sides = { filled: filled(bad), written: bad }
    assert.equal(
      keptText({ rollout, revision: 'other', good: filled(base), bad: sides }),
      undefined,
    )
  })
})
