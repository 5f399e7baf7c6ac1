// What somebody loads before the first page is drawn stays light: check-weight.mjs DIRECTORY, with a built dashboard. Counted is
// script, compressed with gzip: the entry and all it imports. The words of one language come with it; they are printed.

import { readFileSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gzipSync } from 'node:zlib'

const MOST = 140 * 1024
const SHOWN = 6

const built = process.argv[2]
const manifest = JSON.parse(readFileSync(join(built, '.vite/manifest.json'), 'utf8'))
const entry = Object.keys(manifest).find((name) => manifest[name].isEntry)

const first = new Set()
const follow = (name) => {
  if (first.has(name)) return
  first.add(name)
  manifest[name].imports?.forEach(follow)
}
follow(entry)
const sum = [...first].reduce((total, name) => total + weight(name), 0)
const byWeight = [...first].sort((a, b) => weight(b) - weight(a))
for (const name of byWeight.slice(0, SHOWN)) line(weight(name), basename(manifest[name].file))
line(sum, `first page, of ${MOST / 1024} KiB at most`)
for (const name of Object.keys(manifest).filter((name) => name.endsWith('.po'))) line(weight(name), `words: ${basename(name, '.po')}`)
const later = readdirSync(join(built, 'assets')).filter((name) => name.endsWith('.js')).length - first.size
console.log(`           and ${later} scripts that are loaded when they are needed`)

if (sum > MOST) {
  console.error(`The first page loads ${kib(sum)} KiB of script, ${MOST / 1024} are allowed: load what it can do without with import().`)
  process.exit(1)
}

function weight(name) {
  return gzipSync(readFileSync(join(built, manifest[name].file)), { level: 9 }).length
}

function line(bytes, words) {
  console.log(`${kib(bytes).padStart(6)} KiB ${words}`)
}

function kib(bytes) {
  return (bytes / 1024).toFixed(1)
}
