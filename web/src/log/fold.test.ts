import { expect, test } from 'vitest'

import { Folds, type Step } from '~/log/fold'

const step = (name: Step['name'], state: Step['state'], firstLine: number): Step => ({ name, state, firstLine, startedAt: '2026-11-21T00:00:00Z', tookMs: null })
const folded = (folds: Folds) => folds.sections().map((section) => section.folded)

test('steps that passed are folded, those that run or failed are open', () => {
  const folds = new Folds()
  folds.update([step('fetch', 'passed', 1), step('detect', 'skipped', 4), step('install', 'running', 5), step('build', 'failed', 9)], false)
  expect(folded(folds)).toEqual([true, true, false, false])
})

test('a step that passes is folded behind whoever follows, and stays open under whoever reads', () => {
  const followed = new Folds()
  followed.update([step('install', 'running', 1)], false)
  followed.update([step('install', 'passed', 1), step('build', 'running', 9)], false)
  expect(folded(followed)).toEqual([true, false])
  const read = new Folds()
  read.update([step('install', 'running', 1)], false)
  read.update([step('install', 'passed', 1), step('build', 'running', 9)], true)
  expect(folded(read)).toEqual([false, false])
})

test('what the reader chose stays', () => {
  const folds = new Folds()
  folds.update([step('install', 'running', 1)], false)
  folds.set(0, true)
  folds.update([step('install', 'failed', 1)], false)
  expect(folded(folds)).toEqual([true])
})
