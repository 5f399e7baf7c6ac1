import { expect, test } from 'vitest'

import { usageOf } from './usage'

test('what was not measured is not counted, neither as used nor as allowed', () => {
  const replicas = [
    { usage: { cpus: 0.25, memory: 100 }, memoryLimit: 512 },
    { usage: null, memoryLimit: 512 },
    { usage: { cpus: 0.5, memory: 200 }, memoryLimit: 512 },
  ]
  expect(usageOf(replicas)).toEqual({ cpus: 0.75, memory: 300, memoryLimit: 1_024, measured: 2 })
  expect(usageOf([{ usage: null, memoryLimit: 512 }])).toBeUndefined()
})
