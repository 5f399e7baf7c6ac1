/** What the two forms of the page share. */

import { Refusal } from '~/api/errors'

export const LAYOUT = 'grid items-start gap-4 sm:gap-6 md:grid-cols-[minmax(0,1fr)_360px]'

/** An error, unless all that it says is shown under one of these fields. */
export function belongsNowhere(error: unknown, fields: readonly string[]): unknown {
  const isShown = error instanceof Refusal && error.fields.length > 0 && error.fields.every(({ field }) => fields.includes(field))
  return isShown ? undefined : error
}
