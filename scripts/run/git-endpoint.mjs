// A git server on loopback (or another address of this machine) that speaks smart HTTP, as a git host does: `git http-backend` as CGI, read-only.

import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'

/**
 * Serves every repository under `directory`; resolves to `{ url, close }`.
 *
 * The port is any free one, kept in `portFile`: a project keeps its repository's address.
 */
export async function serveRepositories(directory, portFile, address = '127.0.0.1') {
  const server = createServer((request, response) => answer(directory, request, response))
  try {
    await listen(server, keptPort(portFile), address)
  } catch (error) {
    if (error.code !== 'EADDRINUSE') throw error
    await listen(server, 0, address)
  }
  const { port } = server.address()
  writeFileSync(portFile, `${port}\n`)
  return {
    url: `http://${address}:${port}`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

function keptPort(portFile) {
  try {
    return Number.parseInt(readFileSync(portFile, 'utf8'), 10) || 0
  } catch {
    return 0
  }
}

function listen(server, port, address) {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, address, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** One request as CGI: variables in, a header block and a body out. */
function answer(directory, request, response) {
  const url = new URL(request.url, 'http://localhost')
  const backend = spawn('git', ['http-backend'], {
    cwd: directory,
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: directory,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_GLOBAL: join(directory, 'no-such-file'),
      GIT_PROTOCOL: request.headers['git-protocol'] ?? '',
      REQUEST_METHOD: request.method,
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      CONTENT_LENGTH: request.headers['content-length'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      REMOTE_ADDR: request.socket.remoteAddress,
    },
  })
  backend.on('error', () => fail(response))
  backend.stdin.on('error', () => {}) // it stopped reading, and answers why
  request.pipe(backend.stdin)
  response.on('close', () => backend.kill())

  let head = Buffer.alloc(0)
  backend.stdout.on('data', function readHead(chunk) {
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) return
    backend.stdout.off('data', readHead)
    const fields = head.subarray(0, end).toString('latin1').split('\r\n').map((line) => line.split(/:\s*/, 2))
    const status = fields.find(([name]) => name.toLowerCase() === 'status')?.[1] ?? '200'
    response.writeHead(Number.parseInt(status, 10), fields.filter(([name]) => name.toLowerCase() !== 'status').flat())
    response.write(head.subarray(end + 4))
    backend.stdout.pipe(response)
  })
  backend.on('close', () => fail(response))
}

function fail(response) {
  if (!response.headersSent) response.writeHead(500)
  response.end()
}
