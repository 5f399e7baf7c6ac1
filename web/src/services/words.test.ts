import { expect, test } from 'vitest'

import type { Run } from './types'
import { isInTrouble, signalOf, stateOfRun, stateOfService } from './words'

const run = (rest: Partial<Run>) => ({ status: 'running', exitCode: null, stopAskedAt: null, ...rest }) as Run

test('a command that ended succeeded only with exit code 0', () => {
  expect(stateOfRun(run({ status: 'ended', exitCode: 0 }))).toBe('succeeded')
  expect(stateOfRun(run({ status: 'ended', exitCode: 3 }))).toBe('failed')
  expect(stateOfRun(run({ status: 'stopped' }))).toBe('stopped')
})

test('a command says that it is being stopped until it is', () => {
  expect(stateOfRun(run({}))).toBe('at_work')
  expect(stateOfRun(run({ stopAskedAt: '2026-11-22T12:00:00Z' }))).toBe('stopping')
  expect(stateOfRun(run({ status: 'ended', exitCode: 0, stopAskedAt: '2026-11-22T12:00:00Z' }))).toBe('succeeded')
})

test('files have no state of their own, and a service of which nothing is known is stopped', () => {
  expect(stateOfService({ kind: 'static', state: null })).toBe('files')
  expect(stateOfService({ kind: 'running', state: null })).toBe('stopped')
  expect(['starting', 'healthy', 'stopped'].some((state) => isInTrouble({ state: state as 'healthy' }))).toBe(false)
})

test('exit codes of signals are told by their names', () => {
  expect([signalOf(137), signalOf(143), signalOf(1), signalOf(0)]).toEqual(['SIGKILL', 'SIGTERM', undefined, undefined])
})
