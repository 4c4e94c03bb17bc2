// A target in, what proves who asks and who answers out: headers and TLS material.
import { readFileSync } from 'node:fs'
import { Failure } from '../failure.ts'
import { compact } from '../json.ts'
import { type ExecCredentials, type ExecOptions, runExecPlugin } from './exec-plugin.ts'
import type { Target, User } from './kubeconfig.ts'

export interface Credentials {
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly tls: {
    readonly ca?: string
    readonly cert?: string
    readonly key?: string
    readonly servername?: string
    readonly rejectUnauthorized: boolean
  }
}

export async function readCredentials(
  { cluster, user }: Target,
  options: Omit<ExecOptions, 'ca'>,
): Promise<Credentials> {
  const ca = material('certificate authority', cluster.caData, cluster.caFile)
  const cert = material('client certificate', user.certData, user.certFile)
  const key = material('client key', user.keyData, user.keyFile)
  const token = readToken(user)
  // As in kubectl, what the file says itself comes before a plugin.
  const isSignedIn = token !== undefined || cert !== undefined
  const given: ExecCredentials =
    user.exec && !isSignedIn ? await runExecPlugin(user.exec, cluster, { ...options, ca }) : {}
  const bearer = token ?? given.token
  return {
    headers: { ...user.impersonation, ...(bearer && { authorization: `Bearer ${bearer}` }) },
    tls: {
      rejectUnauthorized: !cluster.isInsecure,
      ...compact({
        ca,
        cert: cert ?? given.cert,
        key: key ?? given.key,
        servername: cluster.tlsServerName,
      }),
    },
  }
}

function readToken({ token, tokenFile }: User): string | undefined {
  const found = tokenFile === undefined ? token : read('token file', tokenFile).trim()
  // A line end in a header would be an exception that quotes the token.
  if (found !== undefined && !/^[\x21-\x7e]+$/.test(found)) {
    throw new Failure('the token of this context has characters that no token has')
  }
  return found
}

/** PEM from base64 in the kubeconfig itself or, without that, from a file. */
function material(
  what: string,
  base64: string | undefined,
  path: string | undefined,
): string | undefined {
  if (base64 !== undefined) return Buffer.from(base64, 'base64').toString('utf8')
  return path === undefined ? undefined : read(what, path)
}

function read(what: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? ` (${cause.code})` : ''
    throw new Failure(`the ${what} ${path} cannot be read${code}`, { cause })
  }
}
