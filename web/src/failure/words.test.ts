import { i18n } from '@lingui/core'
import { afterEach, expect, test } from 'vitest'

import { wordsOf } from '~/failure/words'

const failure = { code: 'out_of_memory', title: 'exit code 137: `vite build` used more than 2 GiB', detail: 'Give it less to hold' } as const
const speak = (locale: string) => i18n.loadAndActivate({ locale, messages: {} })

afterEach(() => speak('en'))

test('in English a failure is told in the server’s words alone', () => {
  speak('en')
  expect(wordsOf(i18n, failure)).toEqual({ title: 'Exit code 137: `vite build` used more than 2 GiB.', detail: 'Give it less to hold.', original: undefined })
})

test('elsewhere it is told in the reader’s, and the server’s, which name the numbers, are quoted', () => {
  speak('ar')
  const { title, original } = wordsOf(i18n, failure)
  expect(title).toBe('The build used more memory than it may, so it was stopped.')
  expect(original).toBe('Exit code 137: `vite build` used more than 2 GiB. Give it less to hold.')
})
