/** What a refusal says of which field, while the form is being mended. */

import { Refusal } from '~/api/errors'

/** An error, unless all that it says is shown under one of these fields. */
export function belongsNowhere(error: unknown, fields: readonly string[]): unknown {
  const isShown = error instanceof Refusal && error.fields.length > 0 && error.fields.every(({ field }) => fields.includes(field))
  return isShown ? undefined : error
}

/** What is left of an error once these fields were changed. */
export function corrected(error: unknown, isChanged: (field: string) => boolean): unknown {
  if (!(error instanceof Refusal) || error.fields.length === 0) return undefined
  const left = error.fields.filter(({ field }) => !isChanged(field))
  return left.length > 0 ? new Refusal(error.status, error.code, error.message, left) : undefined
}
