// The closed lists of words that a Notification uses. No package is imported here.

/** What can be told: reasons of events and waits that are of interest outside of the cluster. */
export const newsReasons = [
  'Created',
  'Started',
  'StepAdvanced',
  'Paused',
  'Resumed',
  'Promoted',
  'Superseded',
  'Aborted',
  'Restored',
  'Stalled',
  'RevertCommitted',
  'RevertProposed',
  'RevertSuperseded',
  'RevertNothing',
  'RevertNeedsHuman',
  'NotRestored',
  'Approval',
  'Quarantined',
  'ScaledToZero',
  'FleetGone',
  'ConfigMissing',
  'WorkloadMissing',
  'AdoptionHeld',
  'MissingKind',
  'Rejected',
  'Claimed',
  'Unsplittable',
  'Contested',
  'NotOurs',
  'WriteRefused',
  'Inconclusive',
  'MetricsUnavailable',
  'Invalid',
  'Applied',
  'Errors',
  'Unreachable',
  'Unsigned',
  'SecretMissing',
  'RevertReady',
  'RevertNotReady',
] as const
export type NewsReason = (typeof newsReasons)[number]

/** How releases begin and end, and what waits for a person. */
export const usualReasons: readonly NewsReason[] = [
  'Started',
  'Promoted',
  'Aborted',
  'Stalled',
  'Approval',
  'Quarantined',
  'FleetGone',
  'ConfigMissing',
  'AdoptionHeld',
  'RevertCommitted',
  'RevertProposed',
  'RevertNeedsHuman',
  'NotRestored',
  'Invalid',
  'Errors',
  'Unreachable',
  'Unsigned',
  'SecretMissing',
  'RevertNotReady',
]

/** Names that stand between double braces in a text. */
export const placeholders = [
  'kind',
  'namespace',
  'name',
  'reason',
  'because',
  'phase',
  'step',
  'weight',
  'revision',
  'commit',
  'author',
  'stable',
  'at',
] as const
export type Placeholder = (typeof placeholders)[number]

/** A text in which only those names stand between double braces; as source of a RegExp. */
export const textPattern = `^([^{]|\\{[^{]|\\{\\{(${placeholders.join('|')})\\}\\})*\\{?$`
export const textMeaning = `must have no other {{placeholders}} than ${placeholders.join(', ')}`
