// `kubectl sluice plan -f FILE`: a Rollout as written in, what will happen with it out: in time, and in the cluster.
import { formatDuration } from '../../crds/duration.ts'
import { ApiRefusal, UsageError } from '../failure.ts'
import { commonFlags } from '../flags.ts'
import {
  type Command,
  type Connection,
  connect,
  type Invocation,
  rolloutsPath,
} from '../invocation.ts'
import { type Json, record } from '../json.ts'
import { withTemplate } from '../judge/template.ts'
import type { Linted, Sound } from '../lint/lint.ts'
import { jsonFlag } from '../output-form.ts'
import { type Branch, renderTree } from '../render.ts'
import { type Forecast, forecast } from '../rollout/forecast.ts'
import { type Expected, powerOf, type StepPower } from '../rollout/power.ts'
import { place } from '../rollout/precondition.ts'
import { type RolloutView, readRollout } from '../rollout/rollout-view.ts'
import { type Difference, differences } from '../rollout/spec-diff.ts'
import { lineOf, sourcesOf } from './lint.ts'

export const plan: Command = {
  summary: 'Show what a Rollout will do before it is committed: steps in time, objects, deadlines',
  usage: 'plan -f FILE|FOLDER|- [--rps N] [--diff] [flags]',
  completes: 'files',
  detail:
    'Without --diff no cluster is asked. Times are the shortest there can be: pods that start at once, and checks\nthat pass as soon as the hold is over. What checks can find out is about right, for requests that fail\nindependently; `backtest` measures it on the past of a service.',
  flags: {
    ...commonFlags,
    filename: {
      short: 'f',
      takes: 'FILE',
      completes: 'files',
      help: 'file, folder with its folders, or - for standard input; more may follow',
    },
    rps: {
      takes: 'NUMBER',
      help: 'requests a second to the whole service, to tell what checks find',
    },
    'error-percent': {
      takes: 'NUMBER',
      help: 'percent of requests that fail as a rule; default 0.1',
    },
    diff: { help: 'compare with the cluster, and tell what the change would set off there' },
    output: jsonFlag,
  },
  async run(invocation) {
    const { world, flags } = invocation
    const sources = await sourcesOf(invocation)
    const { lint } = await import('../lint/lint.ts')
    const linted = lint(sources)
    world.printError(linted.findings.map(lineOf).join(''))
    if (linted.findings.some(({ isWarning }) => !isWarning)) return 1
    const plans = await Promise.all(await plansOf(linted, invocation))
    if (plans.length === 0) world.printError('No Rollout found.\n')
    if (flags.value('output') === 'json') world.print(`${JSON.stringify(plans, null, 4)}\n`)
    else world.print(plans.map((one) => renderTree(draw(one), world.style)).join('\n'))
    return 0
  },
}

interface Plan extends Forecast {
  readonly power: readonly StepPower[]
  readonly namespace: string
  readonly name: string
  readonly change?: Change
}

interface Change {
  /** What would happen, in a sentence. */
  readonly because: string
  readonly differences: readonly Difference[]
}

async function plansOf(
  { sound }: Linted,
  invocation: Invocation,
): Promise<readonly (Plan | Promise<Plan>)[]> {
  const expected = expectedOf(invocation)
  const rollouts = sound.filter(({ kind }) => kind === 'Rollout')
  const isCompared = invocation.flags.isSet('diff') && rollouts.length > 0
  const cluster = isCompared ? await connect(invocation) : null
  return rollouts.map(async (one) => {
    const { name } = one
    const object = await withTemplate(one, sound)
    const namespace = one.namespace || (cluster?.namespace ?? '')
    const forecasted = forecast(name, object)
    const power = powerOf(record(object['spec']), forecasted, expected)
    const common = { namespace, name, ...forecasted, power }
    return cluster ? { ...common, change: await changeOf({ ...cluster, namespace }, one) } : common
  })
}

function expectedOf({ flags }: Invocation): Expected {
  const read = (name: string, most: number): number | null => {
    const text = flags.value(name)
    if (text === undefined) return null
    const value = Number(text)
    if (text.trim() !== '' && value >= 0 && value <= most) return value
    throw new UsageError(`--${name} must be a number from 0 to ${most}, not "${text}"`)
  }
  return {
    requestsPerSecond: read('rps', 1e9),
    errorPercent: read('error-percent', 100) ?? 0.1,
  }
}

async function changeOf(cluster: Connection, { name, object }: Sound): Promise<Change> {
  const stored = await cluster.client
    .ask({ path: rolloutsPath(cluster.namespace, name) })
    .catch((error) => {
      if (error instanceof ApiRefusal && error.code === 404) return null
      throw error
    })
  const spec = record(object['spec'])
  if (!stored) {
    return { because: 'it is new: its revision is taken as stable at once', differences: [] }
  }
  const { revision } = forecast(name, object)
  return {
    because: consequence(readRollout(stored), revision),
    differences: differences(await withDefaults(stored), spec),
  }
}

/** Both sides have the defaults of this version, so that only what people wrote differs. */
async function withDefaults(stored: Json): Promise<unknown> {
  const { checkObject } = await import('../lint/schema-check.ts')
  const { schemas } = await import('../lint/schemas.ts')
  const { value, problems } = checkObject(schemas['Rollout'] ?? {}, stored)
  return problems.length > 0 ? stored['spec'] : record(value)['spec']
}

function consequence(rollout: RolloutView, revision: string): string {
  const { phase, canary, stable, quarantine } = rollout
  const isOnTrial = phase === 'Progressing' || phase === 'Paused'
  if (isOnTrial && canary?.revision === revision) {
    return `revision ${revision} is under trial already, at ${place(rollout)}; changed steps apply to it`
  }
  if (stable?.revision === revision) {
    return isOnTrial
      ? `the trial of ${canary?.revision} ends, because ${revision} is stable`
      : `no trial: revision ${revision} is stable already`
  }
  if (quarantine.includes(revision)) {
    return `revision ${revision} failed before: it is held until a person says retry`
  }
  return isOnTrial
    ? `revision ${revision} supersedes ${canary?.revision}, which loses its traffic first`
    : `revision ${revision} is tried against ${stable?.revision ?? 'none'}`
}

function draw(one: Plan): Branch {
  const { change } = one
  return {
    label: one.namespace ? `${one.namespace}/${one.name}` : one.name,
    branches: [
      { label: 'revision', text: one.revision },
      ...(change ? [{ label: 'change', text: change.because }] : []),
      { label: 'steps', branches: stepBranches(one) },
      ...(one.power.length > 0
        ? [{ label: 'evidence', branches: one.power.map(powerBranch) }]
        : []),
      { label: 'promoted', text: earliest(one) },
      { label: 'deadline', text: latest(one) },
      {
        label: 'objects',
        branches: one.objects.map(({ kind, name, what }) => ({
          label: kind,
          text: `${name}  ${what}`,
        })),
      },
      ...(change && change.differences.length > 0
        ? [{ label: 'diff', branches: change.differences.map(differenceBranch) }]
        : []),
    ],
  }
}

function stepBranches({ steps, replicas }: Forecast): Branch[] {
  const width = Math.max(...steps.map(({ fromMs }) => formatDuration(fromMs).length))
  const podsWidth = String(replicas).length
  return steps.map(({ step, fromMs, weight, pods, holdMs, approval, isChecked }) => ({
    label: String(step),
    text: [
      `from ${formatDuration(fromMs).padEnd(width)}`,
      `${String(weight).padStart(3)} %`,
      `${String(pods).padStart(podsWidth)} of ${replicas} pods`,
      ...(holdMs > 0 ? [`hold ${formatDuration(holdMs)}`] : []),
      ...(isChecked ? [] : ['no checks']),
      ...(approval ? ['then approval'] : []),
    ].join('  '),
  }))
}

function powerBranch({ step, check, requests, seconds, risePoints, warning }: StepPower): Branch {
  const label = `${step} ${check}`
  if (warning !== null) return { label, mark: { text: '!', tone: 'warn' }, text: warning }
  const soon = seconds === null ? '' : `, about ${seconds}s of traffic`
  const found = risePoints === null ? '' : `; finds +${risePoints} points with 80 % in its hold`
  return { label, text: `needs ${requests} requests to the canary${soon}${found}` }
}

function earliest({ shortestMs, checks, approvals }: Forecast): string {
  const more = [
    'the start of pods',
    ...(checks.length > 0 ? [`the checks ${checks.join(', ')}`] : []),
    ...(approvals.length > 0 ? [`approval at step ${approvals.join(', ')}`] : []),
  ]
  return `after ${formatDuration(shortestMs)} at the earliest, and ${more.join(', ')}`
}

function latest({ deadlineMs, longestMs, steps, approvals }: Forecast): string {
  const people = approvals.length > 0 ? ', without the time that people take' : ''
  return `${formatDuration(deadlineMs)} for each step, ${formatDuration(longestMs)} for all ${steps.length}${people}`
}

function differenceBranch({ field, before, after }: Difference): Branch {
  const sign = before === undefined ? '+' : after === undefined ? '-' : '~'
  const tone = sign === '+' ? 'good' : sign === '-' ? 'bad' : 'busy'
  const sides = [before, after].filter((side) => side !== undefined).map(short)
  return { label: field, mark: { text: sign, tone }, text: sides.join(' → ') }
}

function short(value: unknown): string {
  const text = JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
