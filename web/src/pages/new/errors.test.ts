import { expect, test } from 'vitest'

import { Refusal } from '~/api/errors'
import { belongsNowhere, corrected } from './errors'

const refused = new Refusal(422, 'invalid_inputs', 'wrong', [{ field: 'name', message: 'taken', code: 'name_taken' }, { field: 'branch', message: 'empty', code: null }])

test('what was changed is no longer wrong, the rest still is', () => {
  const left = corrected(refused, (field) => field === 'name') as Refusal
  expect(left.field('name')).toBeUndefined()
  expect(left.field('branch')?.message).toBe('empty')
  expect(corrected(left, (field) => field === 'branch')).toBeUndefined()
})

test('a problem without a field is over with the next change', () => {
  expect(corrected(new Refusal(502, 'github_unavailable', 'no answer'), () => false)).toBeUndefined()
})

test('what no field shows is said beside the button', () => {
  expect(belongsNowhere(refused, ['name', 'branch'])).toBeUndefined()
  expect(belongsNowhere(refused, ['name'])).toBe(refused)
})
