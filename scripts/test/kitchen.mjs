// An application that runs, for the tests of the ways to run Berth: it notes in its volume that it was started, and tells
// what it gets elsewhere.

const server = `const http = require('http')
require('fs').appendFileSync('/data/starts', 'started\\n')
http.createServer((request, response) => {
  if (!request.url.startsWith('/get?')) return response.end('the kitchen is open')
  http.get(request.url.slice(5), { agent: false, timeout: 3000 }, (answer) => response.end('got ' + answer.statusCode))
    .on('timeout', function () { this.destroy(Object.assign(new Error(), { code: 'TIMEOUT' })) })
    .on('error', (error) => response.end('error ' + error.code))
}).listen(process.env.PORT)
process.on('SIGTERM', () => process.exit(0))
`
const own = { name: 'kitchen', version: '1.0.0' }

/** Its repository's files. */
export const kitchen = {
  'package.json': JSON.stringify({ ...own, private: true, scripts: { start: 'node server.js' } }),
  'package-lock.json': JSON.stringify({ ...own, lockfileVersion: 3, requires: true, packages: { '': own } }),
  'server.js': server,
  'berth.toml': '[services.web]\nvolumes = { notes = "/data" }\n',
}

/** Whether what a visitor got is its own. */
export function isOpen({ status, body }) {
  return status === 200 && body.toString() === 'the kitchen is open'
}
