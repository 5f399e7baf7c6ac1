import { expect, test } from 'vitest'

import type { Build, Deployment } from '~/actions/ask'
import { historyOf, knotOf, rollBackTarget } from './history'

const build = (id: number, rest: Partial<Build> = {}) =>
  ({ id, status: 'passed', createdAt: `2026-11-20T00:00:0${id}Z`, deployment: null, ...rest }) as Build

const deployment = (id: number, rest: Partial<Deployment> = {}) =>
  ({ id, status: 'retired', environment: 'production', kept: true, promotedFrom: null, activatedAt: null, createdAt: `2026-11-20T00:00:0${id}Z`, ...rest }) as Deployment

test('a promoted preview stands among the builds where it happened', () => {
  const promoted = deployment(9, { promotedFrom: 3, createdAt: '2026-11-20T00:00:05.500Z' })
  const entries = historyOf([build(6), build(5)], [promoted], false)
  expect(entries.map(({ key }) => key)).toEqual(['build-6', 'deployment-9', 'build-5'])
})

test('what is older than the loaded builds waits for them', () => {
  const promoted = deployment(1, { promotedFrom: 1 })
  expect(historyOf([build(6), build(5)], [promoted], true)).toHaveLength(2)
  expect(historyOf([build(6), build(5)], [promoted], false)).toHaveLength(3)
})

test('the line goes through what visitors saw', () => {
  const entry = (of: Build | undefined, published?: Deployment) => ({ key: '', at: '', build: of, deployment: published })
  expect(knotOf(entry(build(1), deployment(1, { status: 'live', activatedAt: 'then' })))).toBe('live')
  expect(knotOf(entry(build(1), deployment(1, { status: 'rolled_back', activatedAt: 'then' })))).toBe('seen')
  expect(knotOf(entry(build(1), deployment(1, { activatedAt: null })))).toBe('unseen')
  expect(knotOf(entry(build(1, { status: 'failed' })))).toBe('failed')
  expect(knotOf(entry(build(1, { status: 'superseded' })))).toBe('unseen')
  expect(knotOf(entry(build(1, { status: 'running' })))).toBe('under_way')
})

test('rolling back skips what was gone back from, what lost its files, and previews', () => {
  const live = deployment(9, { status: 'live' })
  const others = [
    deployment(8, { status: 'rolled_back' }),
    deployment(7, { kept: false }),
    deployment(6, { environment: 'preview' }),
    deployment(4),
    deployment(5),
    live,
  ]
  expect(rollBackTarget(live, others)?.id).toBe(5)
  expect(rollBackTarget(null, others)).toBeUndefined()
})
