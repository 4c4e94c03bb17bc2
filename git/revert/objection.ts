// The revision at the tip of a branch in; why it needs no revert of ours, or null, out (pure).
import type { ReleaseRevert } from './config-revert.ts'
import type { ReleaseHint } from './history.ts'

export interface Objecting {
  readonly request: {
    readonly rollout: { readonly namespace: string; readonly name: string }
    readonly bad: ReleaseHint
    readonly good: ReleaseHint
  }
  readonly branch: string
  readonly known: {
    /** Our newest commit that restored this Rollout from the same bad release. */
    readonly other?: string | undefined
    /** It was judged so long ago that only the bad release itself goes back. */
    readonly isExpired?: boolean | undefined
  }
}

type Objection = Exclude<ReleaseRevert, { kind: 'commit' }>

/** The answer is asked with the revision at the tip, null when it is neither release. */
export function objectionTo({ request, branch, known }: Objecting) {
  const { rollout, bad, good } = request
  const name = `${rollout.namespace}/${rollout.name}`
  return (revision: string | null): Objection | null => {
    if (revision === good.revision) {
      const because = `branch ${branch} asks for the good release of ${name} already`
      return { kind: 'nothing', because }
    }
    if (known.other !== undefined && revision === bad.revision) {
      return { kind: 'needs-human', because: askedAgain(name, known.other) }
    }
    if (known.isExpired && revision !== bad.revision) {
      const because = `the release of ${name} has changed since it was judged, more than 20 minutes ago: the new one decides`
      return { kind: 'superseded', because }
    }
    return null
  }
}

export function askedAgain(name: string, commit: string): string {
  return `commit ${commit.slice(0, 12)} restored ${name} from this release before, and somebody asked for it again since: a person's word stays`
}
