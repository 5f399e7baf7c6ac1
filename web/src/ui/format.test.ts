import { expect, test } from 'vitest'

import { ago, duration, size, span } from './format'

/** What English, Dutch and Arabic make of it; Intl's narrow and no-break spaces are spaces here. */
function inAll(format: (locale: string) => string): string[] {
  return ['en', 'nl', 'ar'].map((locale) => format(locale).replace(/[\u00a0\u202f]/g, ' '))
}

const NOW = new Date('2026-03-10T12:00:00Z')
const secondsAgo = (seconds: number) => inAll((locale) => ago(locale, new Date(NOW.getTime() - seconds * 1_000), NOW))

test('when something was is said in its largest whole unit, and in words where a language has them', () => {
  expect(secondsAgo(0)).toEqual(['now', 'nu', 'الآن'])
  expect(secondsAgo(119)).toEqual(['1 min. ago', '1 min. geleden', 'قبل دقيقة واحدة'])
  expect(secondsAgo(2 * 3_600)).toEqual(['2 hr. ago', '2 uur geleden', 'قبل ساعتين'])
  expect(secondsAgo(86_400)).toEqual(['yesterday', 'gisteren', 'أمس'])
  expect(secondsAgo(-90)).toEqual(['in 1 min.', 'over 1 min.', 'خلال دقيقة واحدة'])
})

test('how long something took is said in at most two units', () => {
  const took = (ms: number) => inAll((locale) => duration(locale, ms))
  expect(took(340)).toEqual(['340 ms', '340 ms', '340 ملي ث'])
  expect(took(9_400)).toEqual(['9.4 sec', '9,4 sec', '9.4 ث'])
  expect(took(59_960)).toEqual(['1 min', '1 min', '1 د'])
  expect(took(92_000)).toEqual(['1 min 32 sec', '1 min 32 sec', '1 د 32 ث'])
  expect(took(7_500_000)).toEqual(['2 hr 5 min', '2 uur 5 min', '2 س 5 د'])
})

test('how long something has been so is said in one unit', () => {
  const since = (seconds: number) => inAll((locale) => span(locale, seconds * 1_000))
  expect(since(-3)).toEqual(['0 sec', '0 sec', '0 ث'])
  expect(since(22 * 86_400)).toEqual(['3 wks', '3 wkn', '3 أسابيع'])
})

test('sizes go in steps of a thousand, by what is left after rounding', () => {
  const of = (bytes: number) => inAll((locale) => size(locale, bytes))
  expect(of(1_840_000)).toEqual(['1.84 MB', '1,84 MB', '1.84 م.ب'])
  expect(of(889)).toEqual(['889 bytes', '889 byte', '889 بايت'])
  expect(of(999_600)).toEqual(['1 MB', '1 MB', '1 م.ب'])
})
