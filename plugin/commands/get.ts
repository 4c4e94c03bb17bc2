// `kubectl sluice get`: rollouts in, one line each out; with -w every change of them too.
import { ApiRefusal, Failure, UsageError } from '../failure.ts'
import { commonFlags } from '../flags.ts'
import { follow } from '../follow.ts'
import {
  bareName,
  type Command,
  type Connection,
  connect,
  getRollout,
  type Invocation,
  missingKind,
  rolloutsPath,
} from '../invocation.ts'
import { type Json, list, record, text } from '../json.ts'
import { type Form, formOf, outputFlag } from '../output-form.ts'
import { renderTable, tablePrinter } from '../render.ts'
import { rolloutColumns } from '../rollout/rollout-table.ts'
import { readRollout } from '../rollout/rollout-view.ts'

export const get: Command = {
  summary: 'List rollouts with what each is doing and why',
  usage: 'get [NAME…] [flags]',
  completes: 'rollouts',
  detail:
    'Columns that do not fit the terminal are left out, the least telling first. -o wide shows commits too and\ncuts nothing. With -w and -o json there is one object per line.',
  flags: {
    ...commonFlags,
    'all-namespaces': { short: 'A', help: 'rollouts of all namespaces' },
    selector: {
      short: 'l',
      takes: 'LABELS',
      help: 'only those with these labels, such as app=web',
    },
    output: outputFlag,
    watch: { short: 'w', help: 'after the list, every change as it comes' },
  },
  async run(invocation) {
    const { world, flags } = invocation
    const asked = readAsked(invocation)
    const cluster = await connect(invocation)
    if (flags.isSet('watch')) return watchAll(cluster, invocation, asked)
    const { names, isAll, form } = asked
    const found = names.length > 0 ? await named(cluster, names) : await all(cluster, invocation)
    const items = list(found['items'])
    const only = names.length === 1 ? items[0] : undefined
    if (form.kind === 'objects') world.print(await form.whole(only ?? found))
    else if (items.length === 0) world.printError(nothing(cluster, isAll))
    else {
      const { isWide } = form
      const style = isWide ? { ...world.style, width: null } : world.style
      const options = { isAll, isWide, now: world.now() }
      world.print(renderTable(rolloutColumns(items.map(readRollout), options), style))
    }
    return 0
  },
}

interface Asked {
  readonly names: readonly string[]
  readonly isAll: boolean
  readonly form: Form
}

function readAsked({ flags }: Invocation): Asked {
  const isAll = flags.isSet('all-namespaces')
  const names = [...new Set(flags.positionals.map(bareName))]
  if (names.length > 0 && (isAll || flags.value('selector'))) {
    throw new UsageError('names go with neither -A nor -l')
  }
  if (names.length > 1 && flags.isSet('watch')) {
    throw new UsageError('-w follows one name, or all; select some by -l')
  }
  return { names, isAll, form: formOf(flags.value('output')) }
}

function nothing({ namespace }: Connection, isAll: boolean): string {
  return `No rollouts found${isAll ? '' : ` in namespace ${namespace}`}.\n`
}

async function named(cluster: Connection, names: readonly string[]): Promise<Json> {
  const items = await Promise.all(names.map((name) => getRollout(cluster, name)))
  return { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items }
}

async function all({ client, namespace }: Connection, { flags }: Invocation): Promise<Json> {
  const path = rolloutsPath(flags.isSet('all-namespaces') ? null : namespace)
  try {
    return await client.list(path, { labelSelector: flags.value('selector') })
  } catch (error) {
    throw error instanceof ApiRefusal && error.code === 404 ? missingKind(error) : error
  }
}

/** Until the process is ended. What a list repeats is not shown again. */
async function watchAll(
  cluster: Connection,
  { world, flags }: Invocation,
  { names: [name], isAll, form }: Asked,
): Promise<number> {
  if (name !== undefined) await getRollout(cluster, name)
  const shown = new Map<string, string>()
  const isNew = (item: Json) => {
    const { uid, resourceVersion } = record(item['metadata'])
    const before = shown.get(text(uid) ?? '')
    shown.set(text(uid) ?? '', text(resourceVersion) ?? '')
    return before !== resourceVersion
  }
  const write = writer(form, { world, isAll })
  const changes = follow({
    client: cluster.client,
    path: rolloutsPath(isAll ? null : cluster.namespace),
    parameters: {
      labelSelector: flags.value('selector'),
      fieldSelector: name && `metadata.name=${name}`,
    },
    signal: new AbortController().signal,
    sleep: world.sleep,
  })
  try {
    for await (const change of changes) {
      if (change.kind === 'lost') world.printError(`${change.because}; trying again\n`)
      else if (change.kind === 'listed') {
        if (shown.size === 0 && change.items.length === 0) {
          world.printError(nothing(cluster, isAll))
        }
        await write(change.items.filter(isNew))
      } else if (change.kind === 'gone' || isNew(change.item)) await write([change.item])
    }
  } catch (error) {
    throw error instanceof ApiRefusal && error.code === 404 ? missingKind(error) : error
  }
  throw new Failure('the watch ended')
}

function writer(
  form: Form,
  { world, isAll }: { readonly world: Invocation['world']; readonly isAll: boolean },
): (items: readonly Json[]) => Promise<void> {
  if (form.kind === 'objects') {
    return async (items) => {
      for (const item of items) world.print(await form.line(item))
    }
  }
  const { isWide } = form
  const print = tablePrinter(isWide ? { ...world.style, width: null } : world.style)
  return async (items) => {
    if (items.length === 0) return
    const options = { isAll, isWide, now: world.now() }
    world.print(print(rolloutColumns(items.map(readRollout), options)))
  }
}
