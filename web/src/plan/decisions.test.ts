import { expect, test } from 'vitest'

import { decisionsOf, type Plan, warningsOf } from './decisions'

const told = (value: string, reason = 'because') => ({ value, reason, source: 'test' })

test('a plan is told in the order of a build, with a Node image as its version', () => {
  const plan = {
    services: [{
      name: 'web', kind: 'static', framework: told('astro'), rootDirectory: told(''), outputDirectory: told('dist'), installDirectory: '', workspacePackages: [],
      toolchain: { image: told('node:22-slim', '.nvmrc says 22'), packageManager: told('yarn_berry'), packageManagerVersion: '4.1.0', tools: [{ value: { name: 'hugo', version: '0.140.0' }, reason: 'it is used', source: '' }] },
      installCommand: told('yarn install'), buildCommand: null, warnings: ['no lockfile'],
    }],
  } as unknown as Plan
  expect(decisionsOf(plan).map(({ name, value }) => [name, value])).toEqual([
    ['framework', 'astro'], ['rootDirectory', '.'], ['nodeVersion', '22'], ['packageManager', 'yarn 4.1.0'], ['tools', 'hugo 0.140.0'],
    ['installCommand', 'yarn install'], ['buildCommand', undefined], ['outputDirectory', 'dist'],
  ])
  expect(decisionsOf(plan)[2]!.reason).toBe('.nvmrc says 22')
  expect(warningsOf(plan)).toEqual([{ reason: 'no lockfile', because: [] }])
})
