/** What the server refused, or that it could not be reached, in words for people. */

import { i18n } from '@lingui/core'
import { msg } from '@lingui/core/macro'

import type { components } from '~/api/schema'

export type FieldProblem = components['schemas']['FieldProblem']

export class Refusal extends Error {
  constructor(
    /** 0: there was no answer. */
    readonly status: number,
    /** Stable, for decisions. */
    readonly code: string,
    message: string,
    readonly fields: readonly FieldProblem[] = [],
  ) {
    super(message)
  }

  /** What is wrong with one field of a form. */
  field(name: string): string | undefined {
    return this.fields.find(({ field }) => field === name)?.message
  }
}

/** What the answer of a failed request says; the client throws it (client.ts). */
export function refusal(status: number, body: unknown): Refusal {
  const { code = '', message, fields = [] } = (body as { error?: Partial<components['schemas']['ErrorDetail']> } | undefined)?.error ?? {}
  return new Refusal(status, code, message ?? i18n._(msg`The server answered ${status} without saying why.`), fields)
}

export function unreachable(): Refusal {
  return new Refusal(0, 'unreachable', i18n._(msg`The server could not be reached. Sites may well be served; this page tries again by itself.`))
}

/** The words to show for anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? sentence(error.message) : String(error)
}

export function fieldOf(error: unknown, name: string): string | undefined {
  const words = error instanceof Refusal ? error.field(name) : undefined
  return words && sentence(words)
}

/** What the server says begins in lower case, as a part of a sentence; here it stands alone. */
export function sentence(words: string): string {
  const text = words.charAt(0).toUpperCase() + words.slice(1)
  return /[.!?…]$/.test(text) ? text : `${text}.`
}
