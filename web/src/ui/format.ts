/** Times, durations, sizes and numbers in the reader's language. */

import { useLingui } from '@lingui/react/macro'

/** Formatters are costly to make, and a list of a thousand projects asks for the same few. */
function kept<Formatter>(make: (key: string) => Formatter): (key: string) => Formatter {
  const made = new Map<string, Formatter>()
  return (key) => {
    const formatter = made.get(key) ?? make(key)
    made.set(key, formatter)
    return formatter
  }
}

const relative = kept((locale) => new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' }))

const UNITS = [['year', 31_536_000], ['month', 2_592_000], ['week', 604_800], ['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1]] as const

/** What is told of the last minute is brought up to date every so many seconds, so it is told no finer. */
export const TICK = 10

/** `now`, `20 s ago`, `3 h ago`, `yesterday`. */
export function ago(locale: string, when: Date, now = new Date()): string {
  const seconds = Math.round((when.getTime() - now.getTime()) / 1000)
  const [unit, length] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? UNITS[6]
  const count = Math.trunc(seconds / length)
  return relative(locale).format(unit === 'second' ? Math.trunc(count / TICK) * TICK || 0 : count, unit)
}

/** `340 ms`, `9.4 s`, `1 min 32 s`, `2 h 5 min`. */
export function duration(locale: string, ms: number): string {
  const part = (value: number, unit: string, digits = 0) =>
    new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: digits }).format(value)
  if (ms < 1_000) return part(Math.round(ms), 'millisecond')
  if (ms < 59_950) return part(ms / 1_000, 'second', ms < 10_000 ? 1 : 0)
  const seconds = Math.round(ms / 1_000)
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return [part(minutes, 'minute'), seconds % 60 > 0 && part(seconds % 60, 'second')].filter(Boolean).join(' ')
  return [part(Math.floor(minutes / 60), 'hour'), minutes % 60 > 0 && part(minutes % 60, 'minute')].filter(Boolean).join(' ')
}

const SIZES = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const

/** `3 wks`: how long something has been so, in its largest unit. */
export function span(locale: string, ms: number): string {
  const seconds = Math.max(0, ms / 1_000)
  const [unit, length] = UNITS.find(([, length]) => seconds >= length) ?? UNITS[6]
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short' }).format(Math.floor(seconds / length))
}

/** `1.8 MB`, `889 bytes`: steps of 1000, as disks and networks count. */
export function size(locale: string, bytes: number): string {
  // As it is rounded: 999,999 bytes are 1 MB, not 1,000 kB.
  const rounded = Number(bytes.toPrecision(3))
  const step = rounded < 1 ? 0 : Math.min(SIZES.length - 1, Math.floor(Math.log10(rounded) / 3))
  return new Intl.NumberFormat(locale, { style: 'unit', unit: SIZES[step], unitDisplay: step === 0 ? 'long' : 'short', maximumSignificantDigits: 3 }).format(bytes / 1000 ** step)
}

export function useFormat() {
  const { i18n } = useLingui()
  const { locale } = i18n
  return {
    locale,
    ago: (when: string | Date) => ago(locale, new Date(when)),
    span: (since: string | Date) => span(locale, Date.now() - new Date(since).getTime()),
    duration: (ms: number) => duration(locale, ms),
    size: (bytes: number) => size(locale, bytes),
    number: (value: number) => i18n.number(value),
    date: (when: string | Date) => i18n.date(new Date(when), { dateStyle: 'medium' }),
    dateTime: (when: string | Date) => i18n.date(new Date(when), { dateStyle: 'medium', timeStyle: 'short' }),
  }
}

/**
 * Amounts of memory as limits are written, in steps of 1024: `512 MiB`. Here, and no file of its own: pages that come late share
 * it, and a piece that only they need would be one more that can be missing.
 */
export function useAmount(): (bytes: number) => string {
  const { t } = useLingui()
  const format = useFormat()
  // What is used is never a round number; a tenth of the unit tells enough below ten.
  const rounded = (value: number) => format.number(value < 10 ? Math.round(value * 10) / 10 : Math.round(value))
  return (bytes) => {
    if (bytes < 1 << 20) return t`${rounded(bytes / 1024)} KiB`
    return bytes < 1 << 30 ? t`${rounded(bytes / 2 ** 20)} MiB` : t`${rounded(bytes / 2 ** 30)} GiB`
  }
}
