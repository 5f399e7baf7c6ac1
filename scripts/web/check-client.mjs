// The typed client is the one that openapi.json describes; that openapi.json is the server's own is a test of crates/api.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const [document, kept] = ['openapi.json', 'src/api/schema.ts']
const generated = execFileSync('npx', ['--no-install', 'openapi-typescript', document], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 26 })

if (generated.trim() !== readFileSync(kept, 'utf8').trim()) {
  console.error(`web/${kept} is not what web/${document} describes: run \`npm run client\` in web/ and commit it.`)
  process.exit(1)
}
