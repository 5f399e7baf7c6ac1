/** Tells screen readers when a service stands otherwise than before: politely, and nothing of what was so when the page opened. */

import { useLingui } from '@lingui/react/macro'
import { useState } from 'react'

import type { Service } from '~/services/types'
import { isInTrouble, stateOfService, useEndWords } from '~/services/words'
import { useStateWord } from '~/ui/state'

export function Announcer({ service }: { service: Service }) {
  const { t } = useLingui()
  const wordOf = useStateWord()
  const endWords = useEndWords()
  const word = wordOf(stateOfService(service))
  const now = isInTrouble(service) && service.lastEnd ? t`${service.name}: ${word}. ${endWords(service.lastEnd)}` : t`${service.name}: ${word}`
  const [last, setLast] = useState({ now, said: '' })
  if (last.now !== now) setLast({ now, said: now })
  return <p className="sr-only" role="status">{last.said}</p>
}
