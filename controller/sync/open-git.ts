// A GitSource with its credentials in, its mirror, its writer and its host out: the real Git behind the
// controller's words for it.
import { openHost } from '../../git/hosts/open.ts'
import { readCommitWords } from '../../git/revert/commit-words.ts'
import { createSource } from '../../git/source/source.ts'
import { checkWritePath } from '../../git/write/readiness.ts'
import { createWriter } from '../../git/write/writer.ts'
import type { OpenGit } from './sync.ts'

export const openGit: OpenGit = (options) => {
  const { spec, credentials, signing, signatures, now } = options
  const source = createSource(options)
  const { mirror } = source
  const tokenFile = credentials?.token ?? credentials?.password
  const host =
    spec.host && tokenFile !== undefined
      ? openHost({ ...spec.host, repository: spec.repository, tokenFile })
      : undefined
  const writer = createWriter({
    mirror,
    spec,
    now,
    host,
    autoMerge: spec.host?.autoMerge,
    signing,
    isByHost: spec.host?.commits,
  })
  const { author } = spec
  return {
    source,
    writer,
    host,
    readCommitWords: (commits) => readCommitWords(mirror, commits),
    readConfigMap: source.readConfigMap,
    checkWritePath: () =>
      checkWritePath({ mirror, author, nowMs: now(), host, signing, signatures }),
  }
}
