#!/usr/bin/env node
// compare-detection.mjs <binary> <examples> <expected.json>: what `berth plan` makes of public example projects, against
// what is expected of them. <examples> holds a folder for each `example` of the JSON file. Commands are compared by what
// they do; each difference is printed with its reason, and one without a reason is a failure.

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const [binary, examples, expected] = process.argv.slice(2)
if (!expected) {
  console.error('usage: compare-detection.mjs <binary> <examples> <expected.json>')
  process.exit(2)
}

/** Lockfiles, and the package manager that writes them. */
const MANAGERS = {
  'package-lock.json': 'npm', 'pnpm-lock.yaml': 'pnpm', 'yarn.lock': 'yarn', 'bun.lock': 'bun', 'bun.lockb': 'bun',
  'uv.lock': 'uv', 'poetry.lock': 'poetry', 'pdm.lock': 'pdm', 'Pipfile.lock': 'pipenv',
}

/** Why something differs: the field, a test of ours and theirs, and the reason. */
const REASONS = [
  ['framework', (ours) => ours === 'astro', 'package.json depends on astro, whose own build tool theirs names'],
  ['output', (ours, theirs) => theirs === '.', 'a Staticfile names the directory; theirs serves it by other means'],
  ['start', (ours) => ours === null, "the repository's own Dockerfile says it; theirs leaves Dockerfiles aside"],
  ['start', (ours, theirs) => theirs?.startsWith('cd '), 'Nx: theirs asks its project graph, which has to be run'],
  ['start', (ours) => ours.startsWith('php '), 'theirs brings a web server of its own; ours is the one of PHP'],
  ['build', (ours) => ours?.includes('collectstatic'), 'whitenoise serves what is collected; theirs collects nothing'],
  ['build', (ours) => ours === null, 'the own Dockerfile, or a step of their platform (lockfile, permissions, Caddy)'],
  ['build', (ours, theirs) => theirs?.startsWith('nx '), 'Nx: theirs asks its project graph, which has to be run'],
  ['build', (ours, theirs) => theirs === null, 'a script that only checks types; theirs leaves it out'],
]

/** A command without what does not change what it does. */
function meaning(command) {
  if (!command) return null
  return command
    .replace(/^(npm|pnpm|yarn|bun) run start$/, '$1 start')
    // A release command of ours.
    .replace(/^python manage\.py migrate && /, '')
    .replace(/ -ldflags="[^"]*"/, '')
    .replace(/^\.\/(bin|target\/release)\//, './')
}

/** Their build without the steps that only move files about or belong to installing. */
function theirBuild(steps) {
  const kept = [steps ?? []].flat().filter((step) => !/^(mkdir|cp|uv sync|caddy|chmod|sh -c)\b/.test(step))
  return meaning(kept.join(' && '))
}

function plan(folder) {
  const ended = spawnSync(binary, ['plan', folder, '--json'], { encoding: 'utf8', env: process.env })
  if (ended.error) throw ended.error
  return ended.status === 0 ? JSON.parse(ended.stdout).services[0] : { failure: ended.stderr.trim() }
}

function compare(example, service) {
  const value = (decision) => decision?.value ?? null
  const kind = { static: 'static', running: 'service' }[service.kind] ?? service.failure
  const fields = [['kind', kind, example.kind]]
  if (service.failure) return fields
  if (example.framework) fields.push(['framework', service.framework.value, example.framework])
  const manager = example.lockfiles.map((file) => MANAGERS[file]).find(Boolean)
  if (manager) {
    const ours = value(service.toolchain?.packageManager)?.replace('yarn_berry', 'yarn') ?? null
    if (!service.dockerfile) fields.push(['packages', ours, manager])
  }
  fields.push(['build', meaning(value(service.buildCommand)), theirBuild(example.build_command)])
  if (example.kind === 'static') {
    fields.push(['output', value(service.outputDirectory) || '.', example.output_directory])
  } else {
    fields.push(['start', meaning(value(service.startCommand)), meaning(example.start_command)])
  }
  return fields
}

const figures = new Map()
const differences = []
for (const example of JSON.parse(readFileSync(expected, 'utf8'))) {
  const name = basename(example.example)
  const folder = join(examples, name)
  if (!existsSync(folder)) throw new Error(`${folder} does not exist`)
  for (const [field, ours, theirs] of compare(example, plan(folder))) {
    const figure = figures.get(field) ?? { agreed: 0, all: 0 }
    figures.set(field, figure)
    figure.all += 1
    if (ours === theirs) {
      figure.agreed += 1
      continue
    }
    const reason = REASONS.find(([of, holds]) => of === field && holds(ours, theirs))?.[2]
    differences.push({ name, field, ours, theirs, reason })
  }
}

for (const [field, { agreed, all }] of figures) console.log(`${field}: ${agreed} of ${all}`)
console.log()
for (const { name, field, ours, theirs, reason } of differences) {
  console.log(`${name}, ${field}: ${ours}, expected ${theirs}\n  ${reason ?? 'NOT EXPLAINED'}`)
}
process.exitCode = differences.some(({ reason }) => !reason) ? 1 : 0
