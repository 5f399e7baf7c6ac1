import { expect, test } from 'vitest'

import { groupOf, isRolledBack, type Project, sorted, stateOf } from '~/pages/projects/standing'

type Build = NonNullable<Project['latestBuild']>
type Live = NonNullable<Project['liveDeployment']>

function project({ name = 'docs', build, live, createdAt = '2026-01-01T00:00:00Z', troubles = [] }: { name?: string; build?: Partial<Build>; live?: Partial<Live>; createdAt?: string; troubles?: Project['troubles'] }) {
  const latestBuild = build ? { id: 2, status: 'passed', createdAt, ...build } : null
  const liveDeployment = live ? { buildId: 2, promotedFrom: null, activatedAt: createdAt, ...live } : null
  return { name, createdAt, latestBuild, liveDeployment, troubles } as Project
}

test('a failed last build needs somebody, also while an old version is up', () => {
  expect(groupOf(project({ build: { status: 'failed' }, live: { buildId: 1 } }))).toBe('needs')
})

const published = (status: 'live' | 'failed' | 'ready') => ({ id: 5, status, url: '', kept: true, problem: null })
const stateOfBuild = ({ status, deployment }: Build) => (deployment?.status === 'failed' ? 'refused' : status)

test('what was built and did not start needs somebody, and was not rolled back', () => {
  const refused = project({ build: { deployment: published('failed') }, live: { buildId: 1 } })
  expect(groupOf(refused)).toBe('needs')
  expect(stateOf(refused, stateOfBuild)).toBe('refused')
  expect(isRolledBack(refused)).toBe(false)
  expect(isRolledBack(project({ build: { deployment: published('ready') }, live: { buildId: 1 } }))).toBe(false)
})

test('a service that ends again and again needs somebody, unless the next version is being built', () => {
  const troubles = [{ service: 'web', state: 'crash_loop' as const, lastEnd: null }]
  const crashing = project({ build: { deployment: published('live') }, live: {}, troubles })
  expect([groupOf(crashing), stateOf(crashing, stateOfBuild)]).toEqual(['needs', 'crash_loop'])
  expect(groupOf(project({ build: { status: 'running' }, live: {}, troubles }))).toBe('building')
})

test('a project that builds is among those that build, whatever came before', () => {
  expect(groupOf(project({ build: { status: 'queued' }, live: {} }))).toBe('building')
})

test('a canceled build changes nothing for what is live', () => {
  const canceled = project({ build: { id: 3, status: 'canceled' }, live: {} })
  expect(stateOf(canceled, ({ status }) => status)).toBe('live')
})

test('an earlier version than the newest was rolled back to, unless it was promoted', () => {
  expect(isRolledBack(project({ build: { id: 3 }, live: { buildId: 2 } }))).toBe(true)
  expect(isRolledBack(project({ build: { id: 3 }, live: { buildId: 2, promotedFrom: 7 } }))).toBe(false)
  expect(isRolledBack(project({ build: { id: 2 }, live: { buildId: 2 } }))).toBe(false)
})

test('what moved last comes first; names are ordered as people count', () => {
  const old = project({ name: 'site-10', createdAt: '2026-01-01T00:00:00Z' })
  const pushed = project({ name: 'site-9', createdAt: '2025-01-01T00:00:00Z', build: { createdAt: '2026-02-01T00:00:00Z' } })
  expect(sorted([old, pushed], 'deployed', 'en')).toEqual([pushed, old])
  expect(sorted([old, pushed], 'created', 'en')).toEqual([old, pushed])
  expect(sorted([old, pushed], 'name', 'en')).toEqual([pushed, old])
})
