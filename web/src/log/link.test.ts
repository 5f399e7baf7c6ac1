import { expect, test } from 'vitest'

import { hashOf, rangeOf } from '~/log/link'

test('an address names a line or several', () => {
  expect(rangeOf('#L12')).toEqual({ from: 12, to: 12 })
  expect(rangeOf('L12-L20')).toEqual({ from: 12, to: 20 })
  expect(rangeOf('L20-12')).toEqual({ from: 12, to: 20 })
  for (const other of ['', '#', '#L0', '#Lx', '#main', 'L1-L', 'L12-L20-L30']) expect(rangeOf(other)).toBeNull()
  expect(hashOf({ from: 12, to: 12 })).toBe('L12')
  expect(rangeOf(hashOf({ from: 3, to: 9 }))).toEqual({ from: 3, to: 9 })
})
