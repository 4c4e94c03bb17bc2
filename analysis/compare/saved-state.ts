// A running state in, text of less than a kilobyte out, and back to the last bit: what a pipeline keeps between
// two runs of `kubectl sluice judge`. The spec is not in it, for it stands in the check.
import type { State } from './engine.ts'
import {
  fixedBytes,
  fromWhole,
  shortBytes,
  totalBytes,
  totalScale,
  toWhole,
} from './fixed-point.ts'
import type { Lane } from './lane.ts'
import type { Spec } from './spec.ts'

/** Longest text that is read back. */
export const maxSavedLength = 1_024

const alphabet =
  '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#'
const version = 1
/** Bits of the first byte, beside the version. */
const flag = { dataBad: 1, aborted: 2, betting: 4, latency: 8 } as const
const sumsOf = { ratio: 20, betting: 10 } as const

export function save(state: State): string {
  const writer = createWriter()
  const { progress, totals, block, recent, lanes } = state
  const isBetting = lanes.some(({ method }) => method === 'betting')
  const flags =
    (state.isDataBad ? flag.dataBad : 0) +
    (state.isAborted ? flag.aborted : 0) +
    (isBetting ? flag.betting : 0) +
    (state.spec.metric === 'latency' ? flag.latency : 0)
  writer.whole(version * 16 + flags, 1)
  writer.whole(progress.scrapes, 2)
  writer.whole(progress.served, 2)
  writer.whole(state.atMs, 6)
  writer.total(totals.canaryN)
  writer.total(totals.stableN)
  for (const value of [recent.canaryN, recent.stableN, recent.stableX]) writer.float(value)
  writer.whole(state.weightPercent, 1)
  writer.whole(state.canaryRestarts, 1)
  if (isBetting) {
    writer.total(block.canaryN)
    writer.total(block.stableN)
  }
  writer.whole(lanes.length, 1)
  for (const lane of lanes) {
    writer.whole(lane.edge, 1)
    // A rate is at least 0, so -1 says that there is none.
    writer.short(lane.rate ?? -1)
    for (const value of [lane.phi, lane.rho, lane.pass]) writer.fixed(value)
    for (const value of lane.sums) writer.fixed(value)
    writer.total(lane.canaryX)
    writer.total(lane.stableX)
    if (isBetting) {
      writer.total(lane.block.canaryX)
      writer.total(lane.block.stableX)
    }
  }
  return writer.text()
}

/** Throws when the text is not a state that `save` wrote for this spec. */
export function load(spec: Spec, text: string): State {
  const reader = createReader(text)
  const head = reader.whole(1)
  if (Math.floor(head / 16) !== version) throw new Error('the saved state has another version')
  const isBetting = (head & flag.betting) !== 0
  if (((head & flag.latency) !== 0) !== (spec.metric === 'latency')) {
    throw new Error('the saved state is of another check')
  }
  const progress = { scrapes: reader.whole(2), served: reader.whole(2) }
  const atMs = reader.whole(6)
  const totals = { canaryN: reader.total(), stableN: reader.total() }
  const recent = { canaryN: reader.float(), stableN: reader.float(), stableX: reader.float() }
  const weightPercent = reader.whole(1)
  const canaryRestarts = reader.whole(1)
  const block = isBetting
    ? { canaryN: reader.total(), stableN: reader.total() }
    : { canaryN: 0, stableN: 0 }
  const lanes = Array.from({ length: reader.whole(1) }, () => readLane(reader, isBetting))
  const edges = spec.metric === 'errors' ? 1 : spec.edgesSeconds.length
  if (lanes.length === 0 || lanes.some(({ edge }) => edge >= edges)) {
    throw new Error('the saved state is of another check')
  }
  const [isDataBad, isAborted] = [(head & flag.dataBad) !== 0, (head & flag.aborted) !== 0]
  return {
    ...{ spec, lanes, progress, atMs, totals, block, recent },
    ...{ weightPercent, canaryRestarts, isDataBad, isAborted },
  }
}

type Reader = ReturnType<typeof createReader>

function readLane(reader: Reader, isBetting: boolean): Lane {
  const method = isBetting ? 'betting' : 'ratio'
  const edge = reader.whole(1)
  const rate = reader.short()
  const [phi, rho, pass] = [reader.fixed(), reader.fixed(), reader.fixed()]
  const sums = Array.from({ length: sumsOf[method] }, reader.fixed)
  const [canaryX, stableX] = [reader.total(), reader.total()]
  const block = isBetting
    ? { canaryX: reader.total(), stableX: reader.total() }
    : { canaryX: 0, stableX: 0 }
  return {
    edge,
    method,
    phi,
    rho,
    rate: rate < 0 ? null : rate,
    sums,
    pass,
    canaryX,
    stableX,
    block,
  }
}

function createWriter() {
  const bytes = Buffer.alloc(maxSavedLength)
  let at = 0
  const whole = (value: number, size: number) => {
    at = bytes.writeUIntBE(Math.min(value, 256 ** size - 1), at, size)
  }
  return {
    whole,
    fixed: (value: number) => whole(toWhole(value), fixedBytes),
    total: (value: number) => whole(Math.round(value * totalScale), totalBytes),
    short: (value: number) => {
      bytes.writeDoubleBE(value, at)
      at += shortBytes
    },
    float: (value: number) => {
      at = bytes.writeFloatBE(value, at)
    },
    text: () => encode(bytes.subarray(0, Math.ceil(at / 4) * 4)),
  }
}

function createReader(text: string) {
  const bytes = decode(text)
  let at = 0
  const take = (size: number) => {
    at += size
    if (at > bytes.length) throw new Error('the saved state is cut off')
    return at - size
  }
  const whole = (size: number) => bytes.readUIntBE(take(size), size)
  return {
    whole,
    fixed: () => fromWhole(whole(fixedBytes)),
    total: () => whole(totalBytes) / totalScale,
    short: () => {
      const double = Buffer.alloc(8)
      bytes.copy(double, 0, take(shortBytes), at)
      return double.readDoubleBE(0)
    },
    float: () => bytes.readFloatBE(take(4)),
  }
}

/** Four bytes in five characters, none of which JSON or YAML escapes within quotes. */
function encode(bytes: Buffer): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 4) {
    const value = bytes.readUInt32BE(at)
    for (let power = 85 ** 4; power >= 1; power /= 85) {
      text += alphabet[Math.floor(value / power) % 85]
    }
  }
  return text
}

function decode(text: string): Buffer {
  if (text.length > maxSavedLength || text.length % 5 !== 0) {
    throw new Error('the saved state has a wrong length')
  }
  const bytes = Buffer.alloc((text.length / 5) * 4)
  for (let at = 0; at < text.length; at += 5) {
    let value = 0
    for (const character of text.slice(at, at + 5)) {
      const digit = alphabet.indexOf(character)
      if (digit < 0) throw new Error(`the saved state contains "${character}"`)
      value = value * 85 + digit
    }
    if (value > 0xffff_ffff) throw new Error('the saved state is damaged')
    bytes.writeUInt32BE(value, (at / 5) * 4)
  }
  return bytes
}
