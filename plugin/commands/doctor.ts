// `kubectl sluice doctor`: an installation in, what is well and what is not out, with what to do about it.
import manifest from '../../package.json' with { type: 'json' }
import { ApiRefusal, UsageError } from '../failure.ts'
import { commonFlags } from '../flags.ts'
import { type Command, type Connection, connect } from '../invocation.ts'
import { type Json, list, record, text } from '../json.ts'
import { jsonFlag } from '../output-form.ts'
import { type Cell, printable, renderTree } from '../render.ts'
import {
  controllerHealth,
  deliveryHealth,
  kindsHealth,
  meshHealth,
  metricsHealth,
  notificationsHealth,
  revertHealth,
  type Symptom,
  sourcesHealth,
  templatesHealth,
} from '../rollout/health.ts'

export const doctor: Command = {
  summary: 'Look whether Sluice is well here: kinds, mesh, metrics, Git, rights, reverts',
  usage: 'doctor [flags]',
  detail: 'Nothing is changed and nothing is tried out; it reads what the API server knows.',
  exitCodes: { 0: 'nothing is ill', 1: 'something is ill, or the server cannot be asked' },
  flags: {
    ...commonFlags,
    'all-namespaces': { short: 'A', help: 'rollouts of all namespaces' },
    output: jsonFlag,
  },
  async run(invocation) {
    const { world, flags } = invocation
    const [surplus] = flags.positionals
    if (surplus !== undefined) throw new UsageError(`doctor looks at a namespace: -n ${surplus}`)
    const cluster = await connect(invocation)
    const isAll = flags.isSet('all-namespaces')
    const symptoms = await examine(cluster, isAll ? null : cluster.namespace)
    if (flags.value('output') === 'json') world.print(`${JSON.stringify(symptoms, null, 4)}\n`)
    else {
      const branches = symptoms.map(({ about, state, because, remedy }) => ({
        label: about,
        mark: marks[state],
        text: remedy === undefined ? because : `${because}: ${remedy}`,
      }))
      const label = isAll ? 'all namespaces' : `namespace ${cluster.namespace}`
      world.print(renderTree({ label, branches }, world.style))
    }
    return symptoms.some(({ state }) => state === 'ill') ? 1 : 0
  },
}

const marks: Readonly<Record<Symptom['state'], Cell>> = {
  well: { text: '✓', tone: 'good' },
  unknown: { text: '?', tone: 'warn' },
  ill: { text: '✗', tone: 'bad' },
}

async function examine(cluster: Connection, namespace: string | null): Promise<Symptom[]> {
  // Fails as any command does when the server cannot be asked at all.
  const server = await cluster.client.ask({ path: '/version' })
  const within = namespace === null ? '' : `/namespaces/${namespace}`
  const all = (plural: string) =>
    readable(async () => {
      const found = await cluster.client.list(`/apis/sluice.dev/v1alpha1${within}/${plural}`, {})
      return list(found['items']).map(record)
    })
  const [kinds, groups, rollouts, sources, templates, notifications, rights] = await Promise.all([
    readable(() => cluster.client.ask({ path: '/apis/sluice.dev/v1alpha1' })),
    readable(() => cluster.client.ask({ path: '/apis' })),
    all('rollouts'),
    all('gitsources'),
    all('analysistemplates'),
    all('notifications'),
    Promise.all(['get', 'list', 'watch', 'patch'].map((verb) => mayI(cluster, namespace, verb))),
  ])
  const about = `plugin ${manifest.version}, server ${printable(text(server['gitVersion']) ?? 'of an unknown version')}`
  return [
    { about: 'versions', state: 'well', because: about },
    isRefused(kinds) && kinds.code !== 404
      ? unread('kinds of Sluice', kinds)
      : kindsHealth(isRefused(kinds) ? null : kinds),
    rightsHealth(rights, namespace),
    ...(isRefused(rollouts)
      ? [unread('rollouts', rollouts)]
      : [
          controllerHealth(rollouts),
          ...(isRefused(groups)
            ? [unread('mesh', groups)]
            : meshHealth(rollouts, groupNames(groups))),
          ...(isRefused(templates)
            ? [unread('AnalysisTemplates', templates)]
            : templatesHealth(rollouts, templates)),
          ...metricsHealth(rollouts),
          ...deliveryHealth(rollouts),
          ...(isRefused(sources) ? [] : revertHealth(rollouts, sources)),
        ]),
    ...(isRefused(sources) ? [unread('GitSources', sources)] : sourcesHealth(sources)),
    // A server that does not have the kind was told of above.
    ...(isRefused(notifications) ? [] : notificationsHealth(notifications)),
  ]
}

function groupNames(groups: Json): ReadonlySet<string> {
  return new Set(list(groups['groups']).flatMap((one) => text(record(one)['name']) ?? []))
}

/** A refusal is an answer here: it tells what may not be looked at, or is not there. */
async function readable<T>(read: () => Promise<T>): Promise<T | ApiRefusal> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof ApiRefusal && error.code !== 401) return error
    throw error
  }
}

function isRefused(answer: unknown): answer is ApiRefusal {
  return answer instanceof ApiRefusal
}

function unread(about: string, refusal: ApiRefusal): Symptom {
  return { about, state: 'unknown', because: refusal.message }
}

interface Right {
  readonly verb: string
  /** Null when the server does not tell. */
  readonly isAllowed: boolean | null
}

async function mayI(
  { client }: Connection,
  namespace: string | null,
  verb: string,
): Promise<Right> {
  const apiVersion = 'authorization.k8s.io/v1'
  const resourceAttributes = {
    group: 'sluice.dev',
    resource: 'rollouts',
    verb,
    ...(namespace !== null && { namespace }),
  }
  const review = await readable(() =>
    client.ask({
      method: 'POST',
      path: `/apis/${apiVersion}/selfsubjectaccessreviews`,
      body: { apiVersion, kind: 'SelfSubjectAccessReview', spec: { resourceAttributes } },
    }),
  )
  if (isRefused(review)) return { verb, isAllowed: null }
  return { verb, isAllowed: record(review['status'])['allowed'] === true }
}

function rightsHealth(rights: readonly Right[], namespace: string | null): Symptom {
  const about = 'your rights'
  const verbs = (isAllowed: boolean | null) =>
    rights.filter((right) => right.isAllowed === isAllowed).map(({ verb }) => verb)
  const [denied, untold] = [verbs(false), verbs(null)]
  const where = namespace === null ? 'all namespaces' : namespace
  if (untold.length > 0)
    return { about, state: 'unknown', because: 'the server does not tell them' }
  if (denied.length === 0) {
    return { about, state: 'well', because: `you may look at rollouts of ${where} and steer them` }
  }
  if (denied.join() === 'patch') {
    const because = `you may look at rollouts of ${where}, not steer them`
    return {
      about,
      state: 'unknown',
      because,
      remedy: 'promote and the like need patch on rollouts',
    }
  }
  return { about, state: 'ill', because: `you may not ${denied.join(', ')} rollouts of ${where}` }
}
