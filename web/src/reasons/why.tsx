/** Why something is as it is, inside a sentence or alone. What only the server has words for is marked as English. */

import { useLingui } from '@lingui/react'

import type { Reason } from '~/reasons/sayings'
import { ownWords } from '~/reasons/words'

/** The server's sentence, and the codes that it is made of. */
export type Told = { reason: string; because?: readonly Reason[] | null | undefined }

export function Why({ of: { reason, because } }: { of: Told }) {
  const { i18n } = useLingui()
  const own = ownWords(i18n, because)
  return own === undefined ? <bdi lang="en">{reason}</bdi> : <bdi>{own}</bdi>
}
