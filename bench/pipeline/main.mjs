// How long a push takes, and what of that Berth adds to the bare work. What is measured and how: ../README.md.
//
// node bench/pipeline/main.mjs <berth binary> [project directory] [rounds]

import { resolve } from 'node:path'

import { Problem } from '../../scripts/run/problem.mjs'
import { BareRuns } from './bare.mjs'
import { median, report } from './figures.mjs'
import { Trial } from './trial.mjs'

const [binary, project = 'examples/vite', rounds = '5'] = process.argv.slice(2)
const plainFiles = resolve(import.meta.dirname, '../../examples/plain-html')

const trial = await Trial.start(resolve(binary))
let bare
try {
  const vite = await trial.project('measured', resolve(project))
  bare = BareRuns.prepare(vite.directory, vite.plan())

  for (const temperature of ['cold', 'warm']) {
    const berth = []
    const alone = []
    for (let round = 0; round < Number(rounds); round += 1) {
      if (temperature === 'cold') await trial.forgetDependencies(vite)
      berth.push(await vite.push())
      alone.push(bare[temperature]())
    }
    report(temperature, berth, alone)
  }

  const plain = await trial.project('plain', plainFiles)
  const pushes = []
  for (let round = 0; round < Number(rounds); round += 1) pushes.push(await plain.push())
  report('plain files', pushes)

  await trial.fill(50, plainFiles)
  const starts = []
  for (let round = 0; round < Number(rounds); round += 1) starts.push(await trial.restart())
  console.log(`start to ready, 50 projects   ${Math.round(median(starts))} ms`)
  console.log(`resident at rest, 50 projects ${(await trial.residentMiB()).toFixed(1)} MiB`)
} catch (error) {
  console.error(error instanceof Problem ? error.message : error.stack)
  process.exitCode = 1
} finally {
  bare?.remove()
  await trial.end()
}
