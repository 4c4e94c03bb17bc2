// The table of faults: what may go wrong in the simulated world, how often, and where that is asked.
// Ids are those of docs/reliability.md; rates are per occasion, and each seed turns a subset of them on.

export interface Fault {
  readonly id: string
  readonly says: string
  /** Chance at one occasion while the fault is on. */
  readonly rate: number
}

/** Asked at every request, event, start of a process or query, as the group says. */
export const faults = [
  { id: 'shuffle', says: 'events of one instant come in another order', rate: 0.5 },
  { id: 'K1', says: 'a write is answered 409 although nobody else wrote', rate: 0.03 },
  { id: 'K2', says: 'a request is answered 429 with Retry-After', rate: 0.02 },
  { id: 'K3', says: 'a request is answered 500 or 503, or reset before the write', rate: 0.03 },
  { id: 'K4', says: 'a write happens and its answer is lost', rate: 0.03 },
  { id: 'K5', says: 'a watch is closed, or silently dead', rate: 0.02 },
  { id: 'K6', says: 'the version to watch from is gone: 410 as answer or as event', rate: 0.05 },
  { id: 'K7', says: 'a list comes from a replica in the past', rate: 0.2 },
  { id: 'K8', says: 'an event comes late or twice', rate: 0.04 },
  { id: 'K9', says: 'a request takes 1 to 60 s', rate: 0.02 },
  { id: 'K10', says: 'the second page of a list fails', rate: 0.1 },
  { id: 'K11', says: 'requests are answered 403 for a while', rate: 0.004 },
  { id: 'K12', says: 'a line of a watch is garbled', rate: 0.02 },
  { id: 'C1', says: 'the controller is killed before or after a write', rate: 0.02 },
  { id: 'C2', says: 'it is killed again while it recovers', rate: 0.05 },
  { id: 'C3', says: 'it is paused for longer than its lease at a write', rate: 0.02 },
  { id: 'C4', says: 'its wall clock is off by up to 2 s', rate: 0.5 },
  { id: 'C5', says: 'its event loop stalls for 1 to 20 s', rate: 0.01 },
  { id: 'C6', says: 'its working folder is read-only', rate: 0.05 },
  { id: 'G1f', says: 'another commit lands between fetch and push', rate: 0.2 },
  { id: 'G2f', says: 'a newer release lands between fetch and push', rate: 0.15 },
  { id: 'G3f', says: 'a push happens and its answer is lost', rate: 0.2 },
  { id: 'G4f', says: 'the host refuses to authenticate', rate: 0.1 },
  { id: 'G5f', says: 'the host is down for minutes to hours', rate: 0.03 },
  { id: 'G6f', says: 'somebody force-pushes the branch', rate: 0.15 },
  { id: 'G9f', says: 'the branch is protected', rate: 0.08 },
  { id: 'P1', says: 'the metrics provider is down', rate: 0.05 },
  { id: 'P2', says: 'the metrics provider answers after its timeout', rate: 0.03 },
  { id: 'P3', says: 'the answer holds no series', rate: 0.05 },
  { id: 'P4', says: 'the answer holds NaN or Inf', rate: 0.04 },
  { id: 'P5', says: 'nothing was scraped for a while', rate: 0.04 },
  { id: 'P6', says: 'the answer is partial and says so', rate: 0.03 },
  { id: 'P7', says: 'the answer is of another type, or HTML', rate: 0.04 },
  { id: 'P8', says: 'a counter is reset, as after a restart', rate: 0.03 },
  { id: 'P9', says: 'the clock of the provider is off by some seconds', rate: 0.3 },
  { id: 'P10', says: 'the share of failures goes up and down', rate: 0.3 },
  { id: 'P11', says: 'the answer is too large', rate: 0.03 },
  { id: 'X1', says: 'somebody deletes the route or the subsets', rate: 0.15 },
  { id: 'X2', says: 'somebody edits the weights', rate: 0.15 },
  { id: 'X3', says: 'a tool resets the weights again and again', rate: 0.08 },
  { id: 'X4', says: 'the kinds of the mesh are missing', rate: 0.1 },
  { id: 'X5', says: 'admission denies a write', rate: 0.02 },
  { id: 'X6', says: 'proxies learn weights late and out of order', rate: 0.3 },
  { id: 'W1', says: 'a quota keeps pods from being created', rate: 0.15 },
  { id: 'W2', says: 'the canary crashes in the middle of a step', rate: 0.2 },
  { id: 'W3', says: 'an autoscaler changes the size', rate: 0.3 },
  { id: 'W4', says: 'a node is lost with half of the pods', rate: 0.15 },
  { id: 'W5', says: 'the pods of stable die', rate: 0.15 },
  { id: 'W6', says: 'a pod is evicted', rate: 0.3 },
  { id: 'O1', says: 'the spec is edited in the middle of a rollout', rate: 0.2 },
  { id: 'O2', says: 'a newer release is asked for, alone or in a burst', rate: 0.3 },
  { id: 'O3', says: 'somebody promotes and aborts at once', rate: 0.15 },
  { id: 'O4', says: 'the Rollout is deleted', rate: 0.06 },
  { id: 'O5', says: 'the Rollout is deleted and created again', rate: 0.06 },
  { id: 'H1', says: 'somebody promotes', rate: 0.25 },
  { id: 'H2', says: 'somebody pauses, and perhaps resumes', rate: 0.25 },
  { id: 'H3', says: 'somebody aborts', rate: 0.2 },
  { id: 'H4', says: 'somebody retries', rate: 0.25 },
  { id: 'H5', says: 'a command is meant for another revision or step', rate: 0.2 },
  {
    id: 'U1',
    says: 'the controller is upgraded, and the status holds fields it does not know',
    rate: 0.2,
  },
  { id: 'U2', says: 'the controller is downgraded, and the status can not be read', rate: 0.06 },
  { id: 'H6', says: 'somebody merges or closes the pull request', rate: 0.6 },
  { id: 'N1', says: 'the receiver of messages fails, is slow, or its answer is lost', rate: 0.3 },
  { id: 'X7', says: 'the mesh refuses a route at first, or is late to take it', rate: 0.25 },
] as const satisfies readonly Fault[]

export type FaultId = (typeof faults)[number]['id']

export const faultIndex = new Map<FaultId, number>(faults.map(({ id }, index) => [id, index]))

/** Phases of a Rollout, for the table of what was hit where. */
export const cellPhases = ['New', 'Stable', 'Progressing', 'Paused', 'Aborted'] as const

/** Faults of the research list that this world can not have, and what holds them instead. */
export const notModelled: Readonly<Record<string, string>> = {
  G7f: 'a corrupt mirror is a matter of the real git binary: git/source/source.test.ts',
  G8f: 'sizes and deadlines of repositories: git/repository/command.test.ts',
  G10f: 'mirrors are never shallow',
  G11f: 'symlinks and odd paths are refused by git/source/source-files.ts: git/source/source.test.ts',
}
