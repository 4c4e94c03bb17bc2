// `kubectl sluice backtest -f FILE --prometheus URL`: the checks of a Rollout and the past of its service in;
// how often they would have aborted a healthy pod, and what they would have found, out.
import type { Backtest } from '../../analysis/backtest/backtest.ts'
import { durationMs, isDuration } from '../../crds/duration.ts'
import { metricSources } from '../../crds/words.ts'
import { Failure, UsageError } from '../failure.ts'
import { commonFlags } from '../flags.ts'
import type { Command, Invocation } from '../invocation.ts'
import { list, number, oneOf, record, text } from '../json.ts'
import { builtInOf } from '../judge/built-in-check.ts'
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
    'Stable pods are tried as if each were a canary, in windows as long as the holds of the rollout: what aborts is a\nfalse abort. Then errors are added, to see what would be found. Checks that do not ask what the mesh counts are left\nout. It needs counters that the pods of the service hold, and at least two of them.',
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
    namespace: commonFlags['namespace'] ?? { help: '' },
    output: jsonFlag,
    help: commonFlags['help'] ?? { help: 'show this help' },
  },
  async run(invocation) {
    const { world, flags } = invocation
    const rollout = await rolloutOf(invocation)
    const results = await replay(rollout, invocation)
    if (flags.value('output') === 'json') world.print(`${JSON.stringify(results, null, 4)}\n`)
    else {
      const branches = results.map(({ check, ...result }) => draw(check, result))
      world.print(renderTree({ label: rollout.name, branches }, world.style))
    }
    return 0
  },
}

async function rolloutOf(invocation: Invocation): Promise<Sound> {
  const { lint } = await import('../lint/lint.ts')
  const { findings, sound } = lint(await sourcesOf(invocation))
  const errors = findings.filter(({ isWarning }) => !isWarning)
  if (errors.length > 0) throw new Failure(errors.map(lineOf).join('').trimEnd())
  const [rollout, ...more] = sound.filter(({ kind }) => kind === 'Rollout')
  if (!rollout) throw new Failure('there is no Rollout in the file')
  if (more.length > 0) throw new Failure(`there are ${more.length + 1} Rollouts: name one file`)
  return rollout
}

interface Result extends Backtest {
  readonly check: string
}

const pageMs = 7_200_000

async function replay(rollout: Sound, invocation: Invocation): Promise<readonly Result[]> {
  const [
    { noTrials, historyMs, summaryOf, tried },
    { pastOf },
    { rawSelector },
    { metricsClient },
  ] = await Promise.all([
    import('../../analysis/backtest/backtest.ts'),
    import('../../analysis/backtest/past.ts'),
    import('../../analysis/backtest/selector.ts'),
    import('../cluster/metrics-client.ts'),
  ])
  const { table, owner, trialMs, wanted, minRequests } = await wantedOf(rollout, invocation)
  const { fromMs, untilMs, scrapeMs } = spanOf(invocation)
  const { flags, world } = invocation
  const url = flags.value('prometheus')
  if (url === undefined) throw new UsageError('--prometheus is missing: the URL of a Prometheus')
  const [tokenFile, tenant] = [flags.value('token-file'), flags.value('tenant')]
  const client = metricsClient({ url, tokenFile, tenant })
  const results: Result[] = []
  const checks = wanted.filter(({ compare }) => compare !== undefined).length
  for (const check of wanted) {
    const { name, compare, latency } = check
    const metric = compare?.metric ?? (latency ? 'latency' : 'errors')
    const options = { check, checks, trialMs, minRequests, seed: 1 }
    let trials = noTrials
    for (let at = fromMs; at < untilMs; at += pageMs) {
      const toMs = Math.min(untilMs, at + pageMs)
      // History before the page, and a scrape for the base of each counter.
      const rangeMs = toMs - at + historyMs + scrapeMs
      const selector = rawSelector({ table, metric, owner, rangeMs })
      const rows = await client.raw(selector, toMs)
      const span = { table, metric, fromMs: at - historyMs, toMs, scrapeMs }
      trials = tried(trials, pastOf(rows, span), { ...options, fromMs: at })
    }
    if (trials.healthy.length === 0) {
      world.printError(`${name}: no window with two pods of one revision under traffic\n`)
    }
    results.push({ check: name, ...summaryOf(trials, options) })
  }
  return results
}

async function wantedOf({ name, namespace: written, object }: Sound, { flags }: Invocation) {
  const { metricTables } = await import('../../analysis/metrics/tables.ts')
  const { serviceOf } = await import('../../analysis/query/query.ts')
  const spec = record(object['spec'])
  const analysis = record(spec['analysis'])
  const wanted = list(analysis['checks']).flatMap((check) => builtInOf(record(check)) ?? [])
  if (wanted.length === 0) throw new Failure(`Rollout ${name} has no check that can be replayed`)
  const minRequests = number(analysis['minRequests']) ?? 100
  const traffic = record(spec['traffic'])
  const { istio, linkerd, gatewayApi, service } = traffic
  const namespace = flags.value('namespace') ?? (written || 'default')
  const host = text(record(istio ?? linkerd ?? gatewayApi ?? service)['host']) ?? name
  const found = serviceOf({ host, namespace }) ?? { name: host, namespace }
  const usual = istio === undefined ? (linkerd === undefined ? 'openmetrics' : 'linkerd') : 'istio'
  const table = metricTables[oneOf(metricSources, analysis['metrics']) ?? usual]
  const held = forecast(name, object).steps.filter(({ weight }) => weight > 0)
  const holdsMs = held.reduce((sum, { holdMs }) => sum + holdMs, 0)
  const trialMs = Math.min(pageMs, Math.max(600_000, holdsMs))
  const owner = { namespace: found.namespace, service: found.name, rollout: name }
  return { table, owner, trialMs, wanted, minRequests }
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

function draw(check: string, result: Backtest): Branch {
  const { trials, days, aborts, abortPercent, abortedDays, holds, passes, excess, worst } = result
  const [low, high] = abortedDays.percent
  const isNoisy = excess > 1
  return {
    label: check,
    branches: [
      {
        label: 'tried',
        text: `${trials} times a healthy pod as a canary, over ${days} day${days === 1 ? '' : 's'}`,
      },
      {
        label: 'aborts',
        ...(isNoisy ? { mark: { text: '!', tone: 'warn' as const } } : {}),
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
    ],
  }
}

function noiseText({ excess, worst }: Backtest): string {
  const [first] = worst
  if (excess <= 1 || first === undefined) return ''
  return `; more than the check stands (${excess} times): widen its margin or its sustain. Worst at ${first.at}`
}
