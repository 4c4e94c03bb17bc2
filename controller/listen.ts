// A server in; its address, and a way to end it that waits for no client, out.
import type { Server } from 'node:http'

export interface Listening {
  /** Scheme, host and port, without a path. */
  readonly url: string
  close(): Promise<void>
}

/** Fails when the address is taken. Port 0 is a free one. */
export async function listen(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Listening> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const address = server.address()
  const taken = typeof address === 'object' && address !== null ? address.port : port
  return {
    url: `http://${host}:${taken}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
