/**
 * Why something is as it is, in the reader's language. In English it is the server's own sentence; elsewhere its parts are said by
 * their codes. A code that this page does not know, or one that was kept before there were any, leaves the sentence as it is.
 */

import type { I18n, MessageDescriptor } from '@lingui/core'

import { OF_PLANS } from '~/reasons/of-plans'
import { OF_PUSHES } from '~/reasons/of-pushes'
import type { Reason, Sayings } from '~/reasons/sayings'

/** It does not compile without a message for every code that the server can send. */
const SAYINGS: Sayings = { ...OF_PLANS, ...OF_PUSHES }

/** Why it is so, in the reader's own language; `undefined`: only the server's sentence says it. */
export function ownWords(i18n: I18n, because: readonly Reason[] | null | undefined): string | undefined {
  if (i18n.locale === 'en' || !because || because.length === 0) return undefined
  const parts = because.map((reason) => messageOf(i18n, reason))
  if (!parts.every((part) => part !== undefined)) return undefined
  return parts.map((part) => i18n._(part)).join(i18n.locale === 'ar' ? '؛ ' : '; ')
}

function messageOf(i18n: I18n, { code, ...rest }: Reason): MessageDescriptor | undefined {
  if (!Object.hasOwn(SAYINGS, code)) return undefined
  // Which values belong to which code is known here for each, and to TypeScript for all of them together only.
  const say = SAYINGS[code] as (values: object) => MessageDescriptor | undefined
  const message = say('values' in rest ? listed(i18n, rest.values) : {})
  return message && { ...message, values: each(message.values ?? {}, (value) => (typeof value === 'string' ? isolate(value) : value)) }
}

function listed(i18n: I18n, values: object): object {
  const list = new Intl.ListFormat(i18n.locale)
  return each(values, (value) => (Array.isArray(value) ? list.format(value.map(isolate)) : value))
}

function each(values: object, change: (value: unknown) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]))
}

/** Names, paths and commands keep their direction in a sentence of another (Unicode’s isolates). */
function isolate(text: unknown): string {
  return `\u2068${String(text)}\u2069`
}
