/** What the server refused, or that it could not be reached, in words for people. */

import { i18n, type MessageDescriptor } from '@lingui/core'
import { msg } from '@lingui/core/macro'

import type { components } from '~/api/schema'
import { INPUTS, REFUSALS } from '~/api/words'

export type FieldProblem = components['schemas']['FieldProblem']

export class Refusal extends Error {
  constructor(
    /** 0: there was no answer. */
    readonly status: number,
    /** Stable, for decisions. */
    readonly code: string,
    message: string,
    readonly fields: readonly FieldProblem[] = [],
    /** The variables that it is about. */
    readonly keys: readonly string[] = [],
    /** In how many seconds it is worth trying again, if the server says so. */
    readonly wait?: number,
  ) {
    super(message)
  }

  /** What is wrong with one field of a form. */
  field(name: string): FieldProblem | undefined {
    return this.fields.find(({ field }) => field === name)
  }
}

/** What the answer of a failed request says; the client throws it (client.ts). `wait`: its Retry-After. */
export function refusal(status: number, body: unknown, wait: string | null = null): Refusal {
  const { code = '', message, fields, keys } = (body as { error?: Partial<components['schemas']['ErrorDetail']> } | undefined)?.error ?? {}
  return new Refusal(status, code, message ?? i18n._(msg`The server answered ${status} without saying why.`), fields, keys, Number(wait) || undefined)
}

export function unreachable(): Refusal {
  return new Refusal(0, 'unreachable', i18n._(msg`The server could not be reached. Sites may well be served; this page tries again by itself.`))
}

/** Whether the reader's language is the one that the server speaks. */
export function isServersLanguage(): boolean {
  return i18n.locale === 'en'
}

/** The words to show for anything that was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof Refusal) return wordsFor(error) ?? sentence(error.message)
  return error instanceof Error ? sentence(error.message) : String(error)
}

/** A refusal in the reader's own language, where the server's words are none and the code is known. */
function wordsFor({ code, keys, wait }: Refusal): string | undefined {
  const words = isServersLanguage() ? undefined : own(REFUSALS, code)
  if (!words) return undefined
  const said = [words]
  if (keys.length > 0) {
    // They keep their direction in a sentence of another (Unicode’s isolates).
    const names = `\u2068${keys.join(', ')}\u2069`
    said.push(i18n._(msg`It is about ${names}.`))
  }
  if (wait) {
    const time = i18n.number(wait, { style: 'unit', unit: 'second', unitDisplay: 'long' })
    said.push(i18n._(msg`Try again in ${time}.`))
  }
  return said.join(' ')
}

/** What a page says that was led to with the code of a refusal in its address; of any other text there it says nothing. */
export function wordsOfCode(code: string | undefined): string | undefined {
  return code === undefined ? undefined : own(REFUSALS, code)
}

export function fieldOf(error: unknown, name: string): string | undefined {
  const problem = error instanceof Refusal ? error.field(name) : undefined
  return problem && problemOf(problem)
}

/** What is wrong with something that was entered. */
export function problemOf({ code, message }: { code?: string | null | undefined; message: string }): string {
  return (code && !isServersLanguage() ? own(INPUTS, code) : undefined) ?? sentence(message)
}

function own(words: Readonly<Record<string, MessageDescriptor | undefined>>, code: string): string | undefined {
  const known = Object.hasOwn(words, code) ? words[code] : undefined
  return known && i18n._(known)
}

/** What the server says begins in lower case, as a part of a sentence; here it stands alone. */
export function sentence(words: string): string {
  const text = words.charAt(0).toUpperCase() + words.slice(1)
  return /[.!?…]$/.test(text) ? text : `${text}.`
}
