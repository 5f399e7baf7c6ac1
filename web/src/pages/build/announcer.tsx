/** Tells screen readers how a build goes on: its steps, its end, its failure. Politely, and nothing of what was so when the page opened. */

import { useLingui } from '@lingui/react/macro'
import { useState } from 'react'

import type { Schema } from '~/api/client'
import { useFailureWords } from '~/failure/words'
import { useStepName } from '~/log/words'
import { useFormat } from '~/ui/format'
import { useStateWord } from '~/ui/state'

type Build = Schema['BuildBody']

export function Announcer({ build }: { build: Build }) {
  const { t } = useLingui()
  const format = useFormat()
  const nameOf = useStepName()
  const wordOf = useStateWord()
  const failureWords = useFailureWords()
  const step = build.steps.at(-1)
  const now = build.failure
    ? t`${wordOf(build.status)}. ${failureWords(build.failure).title}`
    : build.finishedAt || !step
      ? t`Build ${build.id}: ${wordOf(build.status)}`
      : step.tookMs === null ? t`${nameOf(step.name)}: ${wordOf(step.state)}` : t`${nameOf(step.name)}: ${wordOf(step.state)}, ${format.duration(step.tookMs)}`
  const [last, setLast] = useState({ now, said: '' })
  if (last.now !== now) setLast({ now, said: now })
  return <p className="sr-only" role="status">{last.said}</p>
}
