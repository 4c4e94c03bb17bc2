// A GitSource in, its mirror and its writer out: the real Git behind the controller's words for it.
import { createSource } from '../git/source.ts'
import { createWriter } from '../git/writer.ts'
import type { OpenGit } from './sync.ts'

export const openGit: OpenGit = ({ spec, namespace, directory, now }) => {
  const source = createSource({ spec, namespace, directory })
  return { source, writer: createWriter({ mirror: source.mirror, spec, now }) }
}
