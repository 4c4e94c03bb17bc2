// For tests: a real Git server over https on this machine, which asks for a password and can misbehave.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'

export type Mischief =
  /** Takes the push and then says it failed. */
  | 'error-after-push'
  /** Takes no push now, but says which branches there are. */
  | 'busy'
  /** Takes a push and never says anything. */
  | 'silence-after-push'
  | 'redirect'
  | 'break-off'
  /** Says nothing. */
  | 'silence'
  /** Repeats the credentials it was sent. */
  | 'echo'

export interface HttpsHost extends AsyncDisposable {
  readonly url: string
  readonly certificate: string
  /** Credentials that were sent, decoded. */
  readonly seen: Set<string>
  mischief: Mischief | null
}

export async function startHttpsHost(
  repository: string,
  credentials: { user: string; password: string },
): Promise<HttpsHost> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-https-'))
  const [key, certificate] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const fresh = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  const output = ['-nodes', '-days', '2', '-keyout', key, '-out', certificate]
  run('openssl', [...fresh, ...subject, ...output])
  const seen = new Set<string>()
  const server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const host: HttpsHost = {
    url: `https://localhost:${port}/${basename(repository)}`,
    certificate,
    seen,
    mischief: null,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
      rmSync(directory, { recursive: true, force: true })
    },
  }
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const [, basic = ''] = /^Basic (.+)$/.exec(request.headers.authorization ?? '') ?? []
    const sent = Buffer.from(basic, 'base64').toString('utf8')
    if (sent !== '') seen.add(sent)
    if (sent !== `${credentials.user}:${credentials.password}`) {
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="git"' }).end('who are you?')
      return
    }
    const isPush = request.url?.endsWith('/git-receive-pack') === true
    if (misbehaves(host.mischief, { request, response, isPush, sent })) return
    backend(repository, request, response, isPush && host.mischief === 'error-after-push')
  })
  return host
}

interface Asked {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly isPush: boolean
  /** Credentials. */
  readonly sent: string
}

/** Whether that was all the answer. */
function misbehaves(
  mischief: Mischief | null,
  { request, response, isPush, sent }: Asked,
): boolean {
  if (mischief === 'silence') return true
  if (mischief === 'silence-after-push') return isPush
  if (mischief === 'break-off') response.destroy()
  else if (mischief === 'redirect') {
    response.writeHead(302, { location: `https://localhost:1${request.url}` }).end()
  } else if (mischief === 'echo') {
    const basic = Buffer.from(sent).toString('base64')
    const words = `no entry for ${sent} (${basic}) ${encodeURIComponent(sent.split(':')[1] ?? '')}`
    response.writeHead(403, { 'content-type': 'text/plain' }).end(words)
  } else if (mischief === 'busy' && isPush) {
    response.writeHead(429, { 'retry-after': '1' }).end('too many requests')
  } else return false
  return true
}

const run = (program: string, args: readonly string[]) =>
  execFileSync(program, args, { stdio: 'ignore' })

/** The CGI program that every web server uses for Git. */
function backend(
  repository: string,
  request: IncomingMessage,
  response: ServerResponse,
  isLie: boolean,
): void {
  const url = new URL(request.url ?? '/', 'https://localhost')
  const child = spawn('git', ['-c', 'http.receivepack=true', 'http-backend'], {
    env: {
      PATH: '/usr/bin:/bin',
      GIT_PROJECT_ROOT: dirname(repository),
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REMOTE_USER: 'sluice',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  request.pipe(child.stdin)
  child.stdin.on('error', () => undefined)
  const output: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  child.on('close', () => {
    if (isLie) {
      response.writeHead(500).end('internal error')
      return
    }
    const all = Buffer.concat(output)
    const end = all.indexOf('\r\n\r\n')
    const headers = all.toString('latin1', 0, end).split('\r\n')
    const status = Number(
      /^Status: (\d+)/.exec(headers.find((one) => /^Status/.test(one)) ?? '')?.[1] ?? 200,
    )
    const pairs = headers
      .filter((line) => !line.startsWith('Status'))
      .map((line) => line.split(': ') as [string, string])
    response.writeHead(status, Object.fromEntries(pairs)).end(all.subarray(end + 4))
  })
}
