/** Why somebody was led here instead of to where they wanted to go: the way over GitHub ended. */

import { Trans } from '@lingui/react/macro'

import { wordsOfCode } from '~/api/errors'
import { Notice } from '~/ui/panel'

export function Problem({ code }: { code: string | undefined }) {
  const words = wordsOfCode(code)
  return words && <Notice tone="fail" title={<Trans>GitHub did not lead in.</Trans>}>{words}</Notice>
}
