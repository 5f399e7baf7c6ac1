/** What is wrong with a service, in words: that it ends again and again, was just ended, or does not answer; and what is done about it. */

import { Trans } from '@lingui/react/macro'

import type { Service } from '~/services/types'
import { isInTrouble, useEndWords } from '~/services/words'
import { Notice } from '~/ui/panel'

type Props = {
  service: Pick<Service, 'name' | 'state' | 'lastEnd' | 'healthPath'>
  /** Said where other services are shown, too. */
  named?: boolean
  actions?: React.ReactNode
}

export function Trouble({ service, named = false, actions }: Props) {
  const endWords = useEndWords()
  if (!isInTrouble(service)) return null
  const { state, lastEnd, healthPath } = service
  const why = lastEnd && <bdi>{endWords(lastEnd)}</bdi>
  const name = <bdi dir="ltr" className="mono">{service.name}</bdi>
  if (state === 'crash_loop') {
    return (
      <Notice tone="fail" actions={actions} title={named ? <Trans>{name} ends again and again.</Trans> : <Trans>It ends again and again.</Trans>}>
        {why} <Trans>Berth still tries from time to time. Its log says what it wrote before.</Trans>
      </Notice>
    )
  }
  if (state === 'restarting') return <Notice tone="busy" actions={actions} title={named ? <Trans>{name} ended, and is started again after a while.</Trans> : <Trans>It ended, and is started again after a while.</Trans>}>{why}</Notice>
  return (
    <Notice tone="fail" actions={actions} title={named ? <Trans>{name} runs, and does not answer as it should.</Trans> : <Trans>It runs, and does not answer as it should.</Trans>}>
      {healthPath ? <Trans>Berth asks for <bdi dir="ltr" className="mono">{healthPath}</bdi> every few seconds.</Trans> : <Trans>It accepts no connections.</Trans>}
    </Notice>
  )
}
