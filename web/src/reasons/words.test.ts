import { i18n } from '@lingui/core'
import { afterEach, expect, test } from 'vitest'

import type { Reason } from '~/reasons/sayings'
import { ownWords } from '~/reasons/words'

const speak = (locale: string) => i18n.loadAndActivate({ locale, messages: {} })
afterEach(() => speak('en'))

const vite: Reason = { code: 'depends_on', values: { file: 'package.json', dependency: 'vite' } }

/** Without what keeps a name's direction, which nobody sees. */
const words = (because: readonly Reason[] | undefined) => ownWords(i18n, because)?.replace(/[\u2066-\u2069]/g, '')

test('in English the server’s own sentence is said', () => {
  speak('en')
  expect(words([vite])).toBeUndefined()
})

test('elsewhere its parts are said by their codes, with their values', () => {
  speak('nl')
  expect(words([vite])).toBe('package.json depends on vite')
  expect(words([{ code: 'no_lockfile' }])).toBe('there is no lockfile')
  expect(words([{ code: 'build_script' }, { code: 'built_before', values: { packages: ['ui', 'words', 'io'] } }]))
    .toBe('package.json has a build script; ui, words en io of the workspace, which it uses, built before it')
  expect(words([{ code: 'pull_request', values: { number: 7, action: 'closed' } }])).toBe('pull request #7 was closed')
})

test('names keep their direction', () => {
  speak('ar')
  expect(ownWords(i18n, [vite])).toBe('\u2068package.json\u2069 depends on \u2068vite\u2069')
})

test('what has no code that is known here is left to the server', () => {
  speak('nl')
  expect(words(undefined)).toBeUndefined()
  expect(words([])).toBeUndefined()
  expect(words([vite, { code: 'of_tomorrow' } as unknown as Reason])).toBeUndefined()
  expect(words([{ code: 'pull_request', values: { number: 7, action: 'locked' } } as unknown as Reason])).toBeUndefined()
  expect(words([{ code: 'toString' } as unknown as Reason])).toBeUndefined()
})
