// A revert in; its commit message out, and back: our own commits are recognised by their trailers, never by
// their subject (pure).
import { createHash } from 'node:crypto'

export interface ReleaseName {
  readonly revision: string
  readonly commit?: string | undefined
}

export interface RevertMessage {
  readonly rollout: { readonly namespace: string; readonly name: string }
  readonly bad: ReleaseName
  readonly good: ReleaseName
  /** A few words for the subject. */
  readonly reason: string
  readonly because: string
  readonly evidenceText: string
  /** A sentence about what else goes back, or does not. */
  readonly note?: string | undefined
  /** Who wrote the bad commit. */
  readonly badAuthor?: string | undefined
  readonly key: string
}

const maxEvidenceCharacters = 8_000

export function renderMessage(message: RevertMessage): string {
  const { rollout, bad, good, key } = message
  const name = `${rollout.namespace}/${rollout.name}`
  const change = `${bad.revision.slice(0, 7)} → ${good.revision.slice(0, 7)}`
  const author = bad.commit
    ? `The bad release came with commit ${bad.commit.slice(0, 12)}${message.badAuthor ? ` by ${oneLine(message.badAuthor)}` : ''}.`
    : ''
  const trailers = [
    ['Sluice-Rollout', name],
    ['Sluice-Bad', bad.revision],
    ['Sluice-Bad-Commit', bad.commit],
    ['Sluice-Good', good.revision],
    ['Sluice-Good-Commit', good.commit],
    ['Sluice-Verdict', verdictOf(message)],
    ['Sluice-Key', key],
  ].flatMap(([token, value]) => (value ? [`${token}: ${oneLine(value)}`] : []))
  const paragraphs = [
    `revert(${name}): ${change} (${oneLine(message.reason).slice(0, 60)})`,
    oneLine(message.because).slice(0, 1_024),
    indented(message.evidenceText),
    message.note === undefined ? '' : `${oneLine(message.note)}.`,
    author,
    trailers.join('\n'),
  ]
  return `${paragraphs.filter((paragraph) => paragraph !== '').join('\n\n')}\n`
}

/** For a person who brings an earlier release back; it is their commit, and no revert of ours. */
export function renderRestore({
  rollout,
  from,
  to,
  at,
}: Pick<RevertMessage, 'rollout'> & {
  readonly from: ReleaseName
  readonly to: ReleaseName
  readonly at: string
}): string {
  const name = `${rollout.namespace}/${rollout.name}`
  const subject = `restore(${name}): ${from.revision.slice(0, 7)} → ${to.revision.slice(0, 7)}`
  const trailers = [
    `Sluice-Rollout: ${name}`,
    `Sluice-Restored: ${to.revision}`,
    ...(to.commit ? [`Sluice-Restored-Commit: ${to.commit}`] : []),
  ]
  return `${subject}\n\nThe release as it was at ${oneLine(at)}.\n\n${trailers.join('\n')}\n`
}

/** Digest of what was measured and said: the same words have the same one. */
function verdictOf({ because, evidenceText }: RevertMessage): string {
  return createHash('sha256').update(`${because}\n${evidenceText}`).digest('hex').slice(0, 16)
}

/** Trailers of the last paragraph, by token. */
export function trailersOf(message: string): ReadonlyMap<string, string> {
  return new Map(trailersIn(message))
}

/** The same, with those that are there more than once. */
export function trailersIn(message: string): (readonly [string, string])[] {
  const last = message.trimEnd().split(/\n\n/).at(-1) ?? ''
  return last.split('\n').flatMap((line) => {
    const match = /^([A-Za-z-]{1,64}): (.*)$/.exec(line)
    return match ? [[match[1] ?? '', match[2] ?? ''] as const] : []
  })
}

/** True for commits that Sluice wrote to restore a release. */
export function isOwnCommit(message: string): boolean {
  const trailers = trailersOf(message)
  return ['Sluice-Rollout', 'Sluice-Bad', 'Sluice-Good', 'Sluice-Key'].every((token) =>
    trailers.has(token),
  )
}

/** Indented, so that no line of measured text can pass for a trailer. */
function indented(text: string): string {
  return text
    .slice(0, maxEvidenceCharacters)
    .split(/\r?\n/)
    .map((line) => (line.trim() === '' ? '' : `    ${withoutControls(line)}`))
    .join('\n')
    .replaceAll(/\n{2,}/g, '\n')
    .trimEnd()
}

function oneLine(text: string): string {
  return withoutControls(text.replaceAll(/\s+/g, ' ').trim())
}

function withoutControls(text: string): string {
  return [...text].filter((char) => char >= ' ' && char !== '\x7f').join('')
}
