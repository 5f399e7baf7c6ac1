#!/usr/bin/env node
// Checks what Berth is made of: every crate comes from one registry, with the checksum in Cargo.lock, or from this
// repository, and every one has a licence that a program under MIT or Apache-2.0 may contain. `--list` prints them all.
import { execFileSync } from 'node:child_process'

/** Licences that ask for no more than their text beside the program. */
const ALLOWED = new Set([
  '0BSD',
  'Apache-2.0',
  'Apache-2.0 WITH LLVM-exception',
  'BSD-1-Clause',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BSL-1.0',
  'CDLA-Permissive-2.0',
  'ISC',
  'MIT',
  'Unicode-3.0',
  'Unlicense',
  'Zlib',
])

/** Whether one of the choices of an expression, with everything that it joins, is allowed. */
const isAllowed = (expression) => {
  // The old way to write a choice is a slash.
  const text = expression.replaceAll('/', ' OR ').trim()
  const grouped = text.match(/^\(([^()]*)\) AND (.*)$/)
  if (grouped) return isAllowed(grouped[1]) && isAllowed(grouped[2])
  const is = (licence) => ALLOWED.has(licence.trim())
  return text.split(/\sOR\s/).some((choice) => choice.split(/\sAND\s/).every(is))
}

const options = { encoding: 'utf8', maxBuffer: 1 << 28 }
const metadata = JSON.parse(execFileSync('cargo', ['metadata', '--format-version', '1', '--locked'], options))
const crates = metadata.packages.filter((crate) => crate.source !== null)
const registry = crates.map((crate) => crate.source).find((source) => source.startsWith('registry+'))
const problems = crates.flatMap(({ name, version, license, source }) => {
  const found = []
  if (source !== registry) found.push(`${name} ${version} comes from ${source}, not from the registry`)
  if (!license || !isAllowed(license)) found.push(`${name} ${version} has the licence ${license ?? '(none said)'}`)
  return found
})
if (process.argv.includes('--list')) {
  for (const { name, version, license } of crates) console.log(`${name} ${version}: ${license}`)
}
if (problems.length > 0) {
  console.error(`${problems.join('\n')}\nUse another crate, or add the licence to ${import.meta.filename} if Berth may contain it.`)
  process.exit(1)
}
