// An HTTP server in, its address on 127.0.0.1 out, and its end.
import type { Server } from 'node:http'

/** Port 0 takes a free one. Resolves to the server's address as a URL without a path. */
export function listenOnLoopback(server: Server, port = 0): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      const address = server.address()
      const bound = typeof address === 'object' && address ? address.port : port
      resolve(`http://127.0.0.1:${bound}`)
    })
  })
}

/** Cuts what is open. Also right for a server that never listened. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
