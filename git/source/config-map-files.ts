// Blob ids in; the ConfigMaps of some names in them out. Nobody who names none pays for them; a blob is read once,
// and parsed only when it holds a name that is wanted.
import type { Mirror } from '../repository/mirror.ts'
import { type ConfigMapFile, readConfigMaps } from './config-maps.ts'
import { configMapMarker } from './definitions.ts'

export interface ConfigMapReader {
  /** By blob id; blobs that hold none of these names are left out. */
  read(ids: readonly string[], names: ReadonlySet<string>): Promise<ConfigMapFiles>
  /** Forgets all blobs but these. */
  keep(ids: ReadonlySet<string>): void
}

export type ConfigMapFiles = ReadonlyMap<string, ConfigMapFile>

interface Known {
  /** What may be a name in the text. */
  readonly words: readonly string[]
  readonly file: ConfigMapFile | null
}

const maxWords = 4_096
const maxKnown = 100_000

export function createConfigMapReader(
  mirror: Pick<Mirror, 'sizes' | 'streamBlobs'>,
  namespace: string,
): ConfigMapReader {
  const known = new Map<string, Known>()
  const holds = ({ words }: Known, names: ReadonlySet<string>) =>
    words.some((word) => names.has(word))

  async function read(ids: readonly string[], names: ReadonlySet<string>) {
    const found = new Map<string, ConfigMapFile>()
    if (names.size === 0) return found
    if (known.size > maxKnown) known.clear()
    const missing = [...new Set(ids)].filter((id) => {
      const one = known.get(id)
      return one === undefined || (one.file === null && holds(one, names))
    })
    for await (const [id, blob] of mirror.streamBlobs(await mirror.sizes(missing), { isWanted })) {
      const words = blob.kind === 'text' ? wordsIn(blob.text) : []
      const one: Known = { words, file: null }
      const isParsed = blob.kind === 'text' && holds(one, names)
      known.set(id, isParsed ? { words, file: readConfigMaps(blob.text, namespace) } : one)
    }
    for (const id of ids) {
      const one = known.get(id)
      if (one?.file && holds(one, names)) found.set(id, one.file)
    }
    return found
  }

  return {
    read,
    keep(ids) {
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id)
    },
  }
}

const isWanted = (bytes: Buffer) => bytes.includes(configMapMarker)

function wordsIn(text: string): string[] {
  const words = text.matchAll(/name["']?\s*:\s*["']?([a-z0-9][a-z0-9.-]{0,252})/g)
  return [...new Set([...words].map(([, word = '']) => word))].slice(0, maxWords)
}
