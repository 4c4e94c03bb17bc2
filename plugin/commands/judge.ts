// `kubectl sluice judge --spec FILE --ticks FILE`: a check and the counts of one rollout in, the verdict
// after each tick out. The engine is that of the controller; no cluster and no clock is asked.
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import type { JudgedTick, Judgement, NamedText } from '../../analysis/compare/judge-file.ts'
import { Failure, UsageError } from '../failure.ts'
import { commonFlags } from '../flags.ts'
import type { Command, Invocation, World } from '../invocation.ts'
import type { FoundCheck } from '../judge/check-file.ts'
import { renderTable, type Style, type Tone } from '../render.ts'

/** Exit codes with `--exit-code`. */
const codes = { pass: 0, abort: 1, hold: 3, inconclusive: 4 } as const

export const judge: Command = {
  summary: 'Replay a tick file through a check and print the verdict after each tick',
  usage: 'judge --spec FILE --ticks FILE [--check NAME] [--state FILE] [--json] [--exit-code]',
  detail:
    'The format of tick files is on the page ticks.md of the reference. FILE may be - for standard input, once.\nThe check is one of compare, successRate and latency, alone, or in a Rollout or a template. With --state a run goes on where the one before ended,\nand ticks that it knows change nothing.',
  exitCodes: {
    0: 'the file was judged; with --exit-code: the last verdict is pass',
    1: 'with --exit-code: the last verdict is abort',
    2: 'the check or the ticks cannot be used',
    3: 'with --exit-code: the last verdict is hold',
    4: 'with --exit-code: the last verdict is inconclusive',
  },
  failureCode: 2,
  flags: {
    spec: { takes: 'FILE', completes: 'files', help: 'YAML or JSON with the check' },
    ticks: { takes: 'FILE', completes: 'files', help: 'history and counts, as JSON' },
    check: { takes: 'NAME', help: 'the check to judge by, where the file holds several' },
    state: { takes: 'FILE', completes: 'files', help: 'what is known, read and written again' },
    json: { help: 'one JSON object per tick, then one with the last verdict' },
    'exit-code': { help: 'let the exit code tell the last verdict' },
    help: commonFlags['help'] ?? { help: 'show this help' },
  },
  async run(invocation) {
    const { world, flags } = invocation
    const { spec, ticks } = filesOf(invocation)
    const [{ judgementJson }, { TickFileError }, { readChecks }] = await Promise.all([
      import('../../analysis/compare/judge-file.ts'),
      import('../../analysis/compare/ticks.ts'),
      import('../judge/check-file.ts'),
    ])
    const check = chosen(readChecks(spec, await read(spec, world)), {
      file: spec,
      name: flags.value('check'),
    })
    const text = await read(ticks, world)
    const state = flags.value('state')
    const saved = state === undefined ? null : await readState(state, world)
    const name = ticks === '-' ? 'standard input' : ticks
    const judgement = await judged(check, { name, text }, saved).catch((error) => {
      throw error instanceof TickFileError ? new Failure(error.message, { cause: error }) : error
    })
    if (state !== undefined) writeState(state, judgement.saved)
    world.print(flags.isSet('json') ? judgementJson(judgement) : tableOf(judgement, world.style))
    return flags.isSet('exit-code') ? codes[judgement.verdict] : 0
  },
}

function filesOf({ flags }: Invocation): { readonly spec: string; readonly ticks: string } {
  const [surplus] = flags.positionals
  if (surplus !== undefined) throw new UsageError(`"${surplus}" is not a flag`)
  const [spec, ticks] = [flags.value('spec'), flags.value('ticks')]
  if (spec === undefined) throw new UsageError('--spec is missing: the file with the check')
  if (ticks === undefined) throw new UsageError('--ticks is missing: the file with the counts')
  if (spec === '-' && ticks === '-') throw new UsageError('standard input can be read once only')
  return { spec, ticks }
}

function chosen(
  checks: readonly FoundCheck[],
  { file, name }: { readonly file: string; readonly name: string | undefined },
): FoundCheck {
  const fitting = name === undefined ? checks : checks.filter(({ check }) => check.name === name)
  const [only, ...more] = fitting
  const names = checks.map(({ check }) => check.name).join(', ')
  if (!only) {
    throw new Failure(
      checks.length === 0
        ? `${file}: holds no check by compare, successRate or latency`
        : `${file}: holds no check ${name} to judge by, but ${names}`,
    )
  }
  if (more.length > 0) throw new Failure(`${file}: name one of its checks by --check: ${names}`)
  return only
}

async function judged(
  { check, minRequests }: FoundCheck,
  ticks: NamedText,
  saved: NamedText | null,
): Promise<Judgement> {
  const { name, compare } = check
  if (compare) {
    const { judgeFile } = await import('../../analysis/compare/judge-file.ts')
    return judgeFile({ name, compare }, ticks, saved)
  }
  if (saved) throw new UsageError('--state is for compare checks: a fixed bound needs all ticks')
  const { judgeBound } = await import('../../analysis/backtest/judge-bound.ts')
  return judgeBound(check, ticks, { minRequests })
}

const bytesLimit = 64 * 1024 * 1024

async function read(file: string, world: World): Promise<string> {
  if (file === '-') return world.readInput()
  try {
    if (statSync(file).size > bytesLimit) throw new Failure(`${file}: is larger than 64 MiB`)
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure(`${file}: cannot be read (${codeOf(error)})`, { cause: error })
  }
}

/** Empty where the file is not there yet: the first run makes it. */
async function readState(name: string, world: World) {
  return { name, text: existsSync(name) ? await read(name, world) : '' }
}

/** Whole or not at all: a run that is cut off leaves the file of the run before. */
function writeState(file: string, text: string): void {
  const beside = `${file}.new`
  try {
    writeFileSync(beside, `${text}\n`)
    renameSync(beside, file)
  } catch (error) {
    throw new Failure(`${file}: cannot be written (${codeOf(error)})`, { cause: error })
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : 'unknown'
}

const tones: Readonly<Record<JudgedTick['verdict'], Tone>> = {
  pass: 'good',
  abort: 'bad',
  hold: 'warn',
  inconclusive: 'dim',
}

function tableOf({ check, ticks, verdict, because }: Judgement, style: Style): string {
  const column = (title: string, cellOf: (tick: JudgedTick) => string) => ({
    title,
    dispensable: 0,
    cells: ticks.map((tick) => ({ text: cellOf(tick) })),
  })
  const table = renderTable(
    [
      column('TICK', ({ tick }) => String(tick)),
      column('AT', ({ at }) => at.replace('.000Z', 'Z')),
      {
        title: 'VERDICT',
        dispensable: 0,
        cells: ticks.map((one) => ({ text: one.verdict, tone: tones[one.verdict] })),
      },
      ...(ticks[0]?.evidence === undefined
        ? []
        : [
            column('HARM', (one) => `${one.evidence?.toFixed(2)}/${one.abortAt?.toFixed(2)}`),
            column('NO-HARM', ({ passEvidence }) => passEvidence?.toFixed(2) ?? ''),
          ]),
      column('BECAUSE', (one) => one.because),
    ],
    style,
  )
  return `${ticks.length > 0 ? table : ''}${check}: ${verdict}, ${because}\n`
}
