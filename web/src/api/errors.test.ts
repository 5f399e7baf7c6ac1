import { i18n } from '@lingui/core'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { fieldOf, messageOf, problemOf, refusal, wordsOfCode } from '~/api/errors'

const answer = (error: object) => ({ error })
const speak = (locale: string) => i18n.loadAndActivate({ locale, messages: {} })

beforeEach(() => speak('nl'))
afterEach(() => speak('en'))

test('in English the server’s own sentences are shown: they know more', () => {
  speak('en')
  const refused = refusal(422, answer({ code: 'invalid_inputs', message: 'Invalid inputs', fields: [{ field: 'name', message: 'the name docs is taken', code: 'name_taken' }] }))
  expect(fieldOf(refused, 'name')).toBe('The name docs is taken.')
  expect(messageOf(refusal(429, answer({ code: 'too_many_attempts', message: 'try again in 30 seconds' }), '30'))).toBe('Try again in 30 seconds.')
})

test('elsewhere what people meet often is said by its code', () => {
  expect(messageOf(refusal(404, answer({ code: 'not_found', message: 'there is no such resource' })))).toBe('It is not there: it was removed, or it is somebody else’s.')
  expect(problemOf({ code: 'name_taken', message: 'the name docs is taken' })).toBe('This name is taken. Choose another.')
})

test('the variables that it is about are named in every language', () => {
  const refused = refusal(409, answer({ code: 'unopened_value', message: 'the value of A and B cannot be opened', keys: ['A', 'B'] }))
  expect(messageOf(refused)).toBe('A value cannot be opened with the keys that Berth has. Set it again in the project that it is in. It is about \u2068A, B\u2069.')
})

test('how long to wait is said in the reader’s language', () => {
  expect(messageOf(refusal(429, answer({ code: 'too_many_attempts', message: 'in 30 seconds' }), '30'))).toBe('There were too many attempts. Try again in 30 seconden.')
})

test('what has no words of its own is said as the server says it', () => {
  expect(messageOf(refusal(409, answer({ code: 'of_a_newer_berth', message: 'the hosts are taken' })))).toBe('The hosts are taken.')
  expect(messageOf(refusal(409, answer({ code: 'constructor', message: 'hm' })))).toBe('Hm.')
  expect(problemOf({ code: 'toString', message: 'hm' })).toBe('Hm.')
  expect(problemOf({ message: 'line 2: this line is not KEY=value' })).toBe('Line 2: this line is not KEY=value.')
})

test('an address that names a code is believed only where the code is known', () => {
  expect(wordsOfCode('sign_in_expired')).toContain('Begin again.')
  for (const text of [undefined, '', 'call 555-0100', '__proto__', 'toString']) expect(wordsOfCode(text)).toBeUndefined()
})
