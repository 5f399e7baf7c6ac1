/** What is done to what runs: other replicas, more or fewer of them, and the end of a volume. */

import { Plural, Trans, useLingui } from '@lingui/react/macro'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import type { DialogProps } from '~/actions/dialogs'
import { api } from '~/api/client'
import { keys } from '~/api/keys'
import { MOST_REPLICAS, type Service, type Volume } from '~/services/types'
import { useAmount } from '~/ui/format'
import { Confirm, type Consequence } from '~/ui/dialog'
import { Checkbox, TextField } from '~/ui/field'
import { toast } from '~/ui/toast'

type Props = DialogProps & { project: number; service: Service }

/** What is said of a preview's service is said of every preview's. */
const OF_ALL_PREVIEWS: Consequence = ['branch', <Trans>It holds for the previews of all branches together.</Trans>]

export function RestartService({ project, service: { name, environment, replicas, volumes }, ...dialog }: Props) {
  const queries = useQueryClient()
  const service = <bdi className="mono">{name}</bdi>
  return (
    <Confirm
      {...dialog}
      title={<Trans>Restart {service}?</Trans>}
      action={<Trans>Restart it</Trans>}
      consequences={[
        ['again', <Plural value={replicas ?? 0} one="A new replica is started from the same image; the old one ends when the new one is healthy." other="New replicas are started from the same image, one after the other; each old one ends when its new one is healthy." />],
        ['lock', <Trans>They get the variables of today.</Trans>],
        ...(environment === 'preview' ? [OF_ALL_PREVIEWS] : []),
        ['check', volumes.length > 0 ? <Trans>What is in its volumes stays. What was written elsewhere in its containers is gone.</Trans> : <Trans>Nothing is built. What was written inside its containers is gone.</Trans>],
      ]}
      act={async () => {
        await api.POST('/api/v1/projects/{id}/services/{name}/restart', { params: { path: { id: project, name }, query: { environment } } })
        void queries.invalidateQueries({ queryKey: keys.services(project) })
        toast(<Trans>{service} is being restarted.</Trans>)
      }}
    >
      <Trans>Visitors are answered all the while, unless it is not healthy now.</Trans>
    </Confirm>
  )
}

export function ScaleService({ project, service, ...dialog }: Props) {
  const { t } = useLingui()
  const amount = useAmount()
  const queries = useQueryClient()
  const { name, environment, replicas, plannedReplicas, isScaled, memoryLimit } = service
  const [isPlanned, setPlanned] = useState(false)
  const [typed, setText] = useState(String(replicas ?? 1))
  const text = isPlanned ? String(plannedReplicas ?? 1) : typed
  const count = Number(text)
  const isNumber = text.trim() !== '' && Number.isInteger(count) && count >= 0 && count <= MOST_REPLICAS
  const named = <bdi className="mono">{name}</bdi>
  const consequences: Consequence[] = [
    isNumber && count === 0
      ? ['slashed', <Trans>It stops. Whoever asks for it is told that it is stopped.</Trans>]
      : ['up', memoryLimit !== null && isNumber ? <Plural value={count} one={`It may use up to ${amount(memoryLimit)} of memory.`} other={`Together they may use up to ${amount(memoryLimit * count)} of memory.`} /> : <Trans>Each may use as much memory and as many processors as one now.</Trans>],
    ['check', <Trans>Those that are too many end when the requests that they answer are done. Those that are missing are started.</Trans>],
    ...(environment === 'preview' ? [OF_ALL_PREVIEWS] : []),
    isPlanned ? ['forward', <Trans>Later deployments get as many as their repository asks for.</Trans>] : ['forward', <Plural value={plannedReplicas ?? 1} one="It stays so for later deployments, whatever the repository says: it asks for # replica." other="It stays so for later deployments, whatever the repository says: it asks for # replicas." />],
  ]
  return (
    <Confirm
      {...dialog}
      title={<Trans>How many replicas of {named}?</Trans>}
      action={<Trans>Run so many</Trans>}
      consequences={consequences}
      more={
        <div className="grid gap-3">
          <TextField
            label={t`Replicas`}
            type="number"
            inputMode="numeric"
            min={0}
            max={MOST_REPLICAS}
            required
            value={text}
            onChange={(event) => setText(event.target.value)}
            error={isNumber ? undefined : t`A whole number from 0 to ${MOST_REPLICAS}.`}
            disabled={isPlanned}
          />
          {isScaled && <Checkbox label={<Plural value={plannedReplicas ?? 1} one="As the repository says: # replica" other="As the repository says: # replicas" />} checked={isPlanned} onChange={({ target }) => setPlanned(target.checked)} />}
        </div>
      }
      act={async () => {
        if (!isNumber) throw new Error(t`A whole number from 0 to ${MOST_REPLICAS}.`)
        await api.PATCH('/api/v1/projects/{id}/services/{name}', { params: { path: { id: project, name }, query: { environment } }, body: { replicas: isPlanned ? null : count } })
        void queries.invalidateQueries({ queryKey: keys.services(project) })
        toast(isPlanned ? <Trans>{named} gets as many replicas as the repository says.</Trans> : count === 0 ? <Trans>{named} is being stopped.</Trans> : <Trans>{named} gets as many replicas as you said.</Trans>)
      }}
    >
      <Plural value={replicas ?? 0} one="Now it is # replica." other="Now they are # replicas." />
    </Confirm>
  )
}

export function RemoveVolume({ project, volume: { name, environment }, ...dialog }: DialogProps & { project: number; volume: Volume }) {
  const queries = useQueryClient()
  const volume = <bdi className="mono">{name}</bdi>
  return (
    <Confirm
      {...dialog}
      danger
      title={environment === 'preview' ? <Trans>Remove the previews’ volume {volume}?</Trans> : <Trans>Remove the volume {volume}?</Trans>}
      action={<Trans>Remove the volume</Trans>}
      typed={name}
      consequences={[
        ['close', <Trans>Everything in it is deleted. There is no way back, and Berth keeps no copy.</Trans>],
        ['check', <Trans>What is live does not use it, so visitors notice nothing.</Trans>],
        ['forward', <Trans>A later deployment that names it gets an empty one.</Trans>],
      ]}
      act={async () => {
        await api.DELETE('/api/v1/projects/{id}/volumes/{name}', { params: { path: { id: project, name }, query: { environment } } })
        void queries.invalidateQueries({ queryKey: keys.volumes(project) })
        toast(<Trans>The volume {volume} is gone.</Trans>)
      }}
    >
      <Trans>A volume outlives every deployment; only this ends it.</Trans>
    </Confirm>
  )
}
