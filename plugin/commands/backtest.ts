// `kubectl sluice backtest -f FILE --prometheus URL`: the checks of a Rollout and the past of its service in;
// how often they would have aborted a healthy pod, and what they would have found, out.
import type { Backtest } from '../../analysis/backtest/backtest.ts'
import { durationMs, isDuration } from '../../crds/duration.ts'
import { metricSources } from '../../crds/words.ts'
import { Failure, UsageError } from '../failure.ts'
import { commonFlags } from '../flags.ts'
import type { Command, Invocation } from '../invocation.ts'
import { number, oneOf, record, text } from '../json.ts'
import { pageMs, type Replay, type Result, replay } from '../judge/replay.ts'
import { checksOf } from '../judge/template.ts'
import type { Sound } from '../lint/lint.ts'
import { jsonFlag } from '../output-form.ts'
import { type Branch, renderTree } from '../render.ts'
import { forecast } from '../rollout/forecast.ts'
import { lineOf, sourcesOf } from './lint.ts'

export const backtest: Command = {
  summary: 'Replay the checks of a Rollout over the past of its service',
  usage: 'backtest -f FILE --prometheus URL [--days 7] [flags]',
  completes: 'files',
  detail:
    'Stable pods are tried as if each were a canary, in windows as long as the holds of the rollout: what aborts is a\nfalse abort. Then errors are added, to see what would be found. It needs counters that the pods of the service hold,\nand at least two of them. A query of your own is asked about the revision that was stable then, and held to its\nbounds; what asks others than Prometheus is not replayed. A template is looked for in the files, beside them, and\nthen in the cluster.',
  flags: {
    filename: {
      short: 'f',
      takes: 'FILE',
      completes: 'files',
      help: 'file or folder with one Rollout',
    },
    prometheus: { takes: 'URL', help: 'Prometheus with the past of the service' },
    'token-file': { takes: 'FILE', completes: 'files', help: 'file with a bearer token for it' },
    tenant: { takes: 'NAME', help: 'its tenant, as the header X-Scope-OrgID' },
    days: { takes: 'NUMBER', help: 'how far to look back; default 7' },
    until: { takes: 'TIME', help: 'where to end, such as 2026-01-31T12:00:00Z; default now' },
    'scrape-interval': { takes: 'TIME', help: 'how often that Prometheus scrapes; default 15s' },
    ...commonFlags,
    output: jsonFlag,
  },
  async run(invocation) {
    const { world, flags } = invocation
    const { name, replay: asked } = await askedOf(invocation)
    const results = await replay(asked)
    for (const result of results) {
      if (result.replayed === 'nothing' || result.trials > 0) continue
      const pods = result.replayed === 'pods' ? 'two pods of ' : ''
      world.printError(`${result.check}: no window with ${pods}one revision under traffic\n`)
    }
    if (flags.value('output') === 'json') world.print(`${JSON.stringify(results, null, 4)}\n`)
    else world.print(renderTree({ label: name, branches: results.map(draw) }, world.style))
    return 0
  },
}

async function askedOf(invocation: Invocation): Promise<{ name: string; replay: Replay }> {
  const { lint } = await import('../lint/lint.ts')
  const { findings, sound } = lint(await sourcesOf(invocation))
  const errors = findings.filter(({ isWarning }) => !isWarning)
  if (errors.length > 0) throw new Failure(errors.map(lineOf).join('').trimEnd())
  const [rollout, ...more] = sound.filter(({ kind }) => kind === 'Rollout')
  if (!rollout) throw new Failure('there is no Rollout in the file')
  if (more.length > 0) throw new Failure(`there are ${more.length + 1} Rollouts: name one file`)
  const span = spanOf(invocation)
  const { flags } = invocation
  const url = flags.value('prometheus')
  if (url === undefined) throw new UsageError('--prometheus is missing: the URL of a Prometheus')
  const { metricsClient } = await import('../cluster/metrics-client.ts')
  const [tokenFile, tenant] = [flags.value('token-file'), flags.value('tenant')]
  const client = metricsClient({ url, tokenFile, tenant })
  const checks = await checksOf(rollout, sound, invocation)
  if (checks.length === 0) throw new Failure(`Rollout ${rollout.name} has no checks`)
  const service = await serviceOf(rollout, invocation)
  return { name: rollout.name, replay: { ...service, ...span, checks, client } }
}

/** Whose past is read, and how long a trial takes. */
async function serviceOf({ name, namespace: written, object }: Sound, { flags }: Invocation) {
  const { metricTables } = await import('../../analysis/metrics/tables.ts')
  const { serviceOf: serviceBehind } = await import('../../analysis/query/query.ts')
  const spec = record(object['spec'])
  const analysis = record(spec['analysis'])
  const minRequests = number(analysis['minRequests']) ?? 100
  const traffic = record(spec['traffic'])
  const { istio, linkerd, gatewayApi, service } = traffic
  const namespace = flags.value('namespace') ?? (written || 'default')
  const host = text(record(istio ?? linkerd ?? gatewayApi ?? service)['host']) ?? name
  const found = serviceBehind({ host, namespace }) ?? { name: host, namespace }
  const usual = istio === undefined ? (linkerd === undefined ? 'openmetrics' : 'linkerd') : 'istio'
  const table = metricTables[oneOf(metricSources, analysis['metrics']) ?? usual]
  const held = forecast(name, object).steps.filter(({ weight }) => weight > 0)
  const holdsMs = held.reduce((sum, { holdMs }) => sum + holdMs, 0)
  const trialMs = Math.min(pageMs, Math.max(600_000, holdsMs))
  const owner = { namespace: found.namespace, service: found.name, rollout: name }
  return { table, owner, host, trialMs, minRequests }
}

function spanOf({ world, flags }: Invocation) {
  const days = Number(flags.value('days') ?? '7')
  if (!(days > 0 && days <= 60)) throw new UsageError('--days must be a number up to 60')
  const until = flags.value('until')
  const untilMs = until === undefined ? world.now() : Date.parse(until)
  if (Number.isNaN(untilMs)) throw new UsageError(`--until=${until} is not a time`)
  const interval = flags.value('scrape-interval') ?? '15s'
  const scrapeMs = isDuration(interval) ? durationMs(interval) : 0
  if (scrapeMs < 1_000) throw new UsageError('--scrape-interval must be at least 1s')
  return { fromMs: untilMs - days * 86_400_000, untilMs, scrapeMs }
}

function draw(result: Result): Branch {
  switch (result.replayed) {
    case 'pods':
      return { label: result.check, branches: podBranches(result) }
    case 'values':
      return { label: result.check, branches: valueBranches(result) }
    case 'nothing':
      return { label: result.check, text: `not replayed: ${result.because}` }
  }
}

function podBranches(result: Extract<Result, { replayed: 'pods' }>): Branch[] {
  const { trials, days, aborts, abortPercent, abortedDays, holds, passes, excess, worst } = result
  const [low, high] = abortedDays.percent
  const isNoisy = excess > 1
  return [
    { label: 'tried', text: `${trials} times a healthy pod as a canary, over ${counted(days)}` },
    {
      label: 'aborts',
      ...(isNoisy ? { mark: warning } : {}),
      text: `${aborts} (${abortPercent} %), on ${abortedDays.days} of the days: of all days, ${low} to ${high} %`,
    },
    { label: 'holds', text: `${holds}, and ${passes} had passed at their end` },
    // A fixed bound learns nothing.
    ...(worst.length > 0 && result.rho > 1
      ? [{ label: 'noise', text: `phi ${result.phi}, margin ${result.rho}${noiseText(result)}` }]
      : []),
    {
      label: 'finds',
      branches: result.power.map(({ risePoints, foundPercent, medianSeconds }) => ({
        label: `+${risePoints} points`,
        text: `${foundPercent} %${medianSeconds === null ? '' : `, in ${medianSeconds}s`}`,
      })),
    },
  ]
}

/** Of a query of one's own only what it gave is known: not what pods were like, nor what errors would do to it. */
function valueBranches(result: Extract<Result, { replayed: 'values' }>): Branch[] {
  const { trials, days, measurements, failed, unanswered, aborts, abortPercent, passes } = result
  const { values, aborted, because } = result
  const at = aborted.length > 0 ? `, first ${aborted.join(', ')}` : ''
  const why = because === null ? '' : `, such as: ${because}`
  return [
    {
      label: 'asked',
      text: `${measurements} times about the revision that was stable, in ${trials} trials over ${counted(days)}`,
    },
    {
      label: 'aborts',
      ...(aborts > 0 ? { mark: warning } : {}),
      text: `${aborts} (${abortPercent} %) if a canary were like stable, and ${passes} had passed${at}`,
    },
    { label: 'beyond', text: `${failed} values; ${unanswered} were no number${why}` },
    ...(values === null
      ? []
      : [
          {
            label: 'values',
            text: `${short(values.least)} to ${short(values.most)}, half up to ${short(values.median)}, 99 % up to ${short(values.percent99)}`,
          },
        ]),
    {
      label: 'finds',
      text: 'not known: errors can not be added to what a query of your own gave; a canary has fewer requests than stable, and scatters more',
    },
  ]
}

const warning = { text: '!', tone: 'warn' as const }

function counted(days: number): string {
  return `${days} calendar day${days === 1 ? '' : 's'}`
}

function short(value: number): number {
  return Number(value.toPrecision(4))
}

function noiseText({ excess, worst }: Backtest): string {
  const [first] = worst
  if (excess <= 1 || first === undefined) return ''
  return `; more than the check stands (${excess} times): widen its margin or its sustain. Worst at ${first.at}`
}
