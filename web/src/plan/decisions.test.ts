import { expect, test } from 'vitest'

import { decisionsOf, partsOf, type Plan, warningsOf } from './decisions'

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

test('of several services each is told apart, with what it answers and how it runs', () => {
  const service = { framework: told('express'), rootDirectory: told('api'), installDirectory: '', toolchain: null, installCommand: null, buildCommand: null }
  const plan = {
    services: [
      { ...service, name: 'web', kind: 'static', outputDirectory: told('dist'), routes: [{ path: '/' }] },
      {
        ...service, name: 'api', kind: 'running', startCommand: told('node .'), routes: [{ path: '/api', stripPrefix: true }, { path: '/hooks' }], port: 8080, memory: 512 * 2 ** 20, replicas: 2,
        volumes: [{ name: 'data', path: '/data' }], environment: { MODE: 'live' }, origins: { port: { source: 'Dockerfile', reason: 'EXPOSE 8080' } },
      },
    ],
  } as unknown as Plan
  const [web, api] = partsOf(plan)
  expect([web!.name, api!.name]).toEqual(['web', 'api'])
  expect(web!.decisions.at(-1)).toMatchObject({ name: 'routes', value: '/' })
  expect(api!.decisions.slice(4).map(({ name, value, reason }) => [name, value, reason])).toEqual([
    ['startCommand', 'node .', 'because'], ['routes', '/api, /hooks', ''], ['port', '8080', 'EXPOSE 8080'], ['replicas', '2', ''], ['memory', '512 MiB', ''], ['volumes', '/data (data)', ''], ['environment', 'MODE', ''],
  ])
  // The only one answers everything, and nobody has to tell it from others.
  expect(partsOf({ services: [plan.services[0]!] })).toEqual([{ name: undefined, decisions: web!.decisions.slice(0, -1) }])
})
