/** Deliveries that a project's webhooks received, what became of each and why, and doing one again. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'

import { api, body, type Schema } from '~/api/client'
import { messageOf } from '~/api/errors'
import { keys } from '~/api/keys'
import { type Told, Why } from '~/reasons/why'
import { Button } from '~/ui/button'
import { Confirm } from '~/ui/dialog'
import { useFormat } from '~/ui/format'
import { Loading } from '~/ui/loading'
import { Panel } from '~/ui/panel'
import { State } from '~/ui/state'
import { Ago } from '~/ui/time'

type Delivery = Schema['DeliveryBody']

const PAGE = 20
const SENDERS = { github: 'GitHub', gitea: 'Gitea', forgejo: 'Forgejo', gitlab: 'GitLab' } as const

export function Inbox({ project }: { project: Schema['ProjectBody'] }) {
  const { t } = useLingui()
  const { data, error, isPending, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: keys.deliveryPages(project.id),
    queryFn: ({ pageParam: before }) =>
      body(api.GET('/api/v1/projects/{id}/deliveries', { params: { path: { id: project.id }, query: { limit: PAGE, before } } })),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (page) => (page.length < PAGE ? undefined : page.at(-1)?.id),
  })
  const deliveries = data?.pages.flat() ?? []
  return (
    <Panel title={t`Deliveries`}>
      {isPending && <Loading rows={2} height={56} />}
      {error && <p className="p-4 text-sm text-fail" role="alert">{messageOf(error)}</p>}
      {data && deliveries.length === 0 && (
        <p className="max-w-prose p-4 text-muted"><Trans>No delivery has arrived yet. Each is listed here with what it led to, and refused ones with the reason.</Trans></p>
      )}
      <ul>{deliveries.map((delivery) => <Row key={delivery.id} delivery={delivery} project={project} />)}</ul>
      {hasNextPage && (
        <div className="border-t border-line px-4 py-3">
          <Button pending={isFetchingNextPage} onClick={() => void fetchNextPage()}><Trans>Older deliveries</Trans></Button>
        </div>
      )}
    </Panel>
  )
}

function Row({ delivery, project }: { delivery: Delivery; project: Schema['ProjectBody'] }) {
  const { t } = useLingui()
  const [asked, setAsked] = useState(false)
  const sender = delivery.provider === 'unknown' ? t`an unknown sender` : SENDERS[delivery.provider]
  return (
    <li className="grid grid-cols-[minmax(0,1fr)_auto] items-start gap-x-4 gap-y-1 border-line px-4 py-2 not-first:border-t">
      <p className="cut" dir="auto"><span className="font-semibold">{delivery.event}</span> <span className="text-muted"><Trans>from {sender}</Trans></span></p>
      <Verdict delivery={delivery} />
      <div className="min-w-0 text-sm text-dim">
        <p><Ago at={delivery.receivedAt} /> · <Why of={toldOf(delivery, project.name)} /></p>
        {delivery.builds.length > 0 && (
          <p className="flex flex-wrap gap-x-3">
            {delivery.builds.map((build) => <Link key={build} className="link inline-block py-[3px]" to="/builds/$build" params={{ build: String(build) }}><Trans>Build {build}</Trans></Link>)}
          </p>
        )}
        <Details delivery={delivery} />
      </div>
      {delivery.replayable
        ? <Button acts aria-label={t`Replay delivery ${delivery.id}`} onClick={() => setAsked(true)}><Trans>Replay…</Trans></Button>
        : <span />}
      <Replay delivery={delivery} project={project.id} open={asked} onClose={() => setAsked(false)} />
    </li>
  )
}

/** What it says, and what became of it here: the server's sentence is of both, and of the reader's other projects. */
function toldOf({ reason, because = [], outcomes }: Delivery, name: string): Told {
  const outcome = outcomes.find(({ project }) => project === name)
  return { reason, because: because.length > 0 ? [...because, ...(outcome?.because ?? [])] : [] }
}

/** What was accepted without a build (a closed pull request, a deleted branch) was acted on all the same. */
function Verdict({ delivery: { verdict, builds } }: { delivery: Delivery }) {
  if (verdict === 'rejected') return <State state="failed"><Trans>Refused</Trans></State>
  if (verdict === 'duplicate') return <State state="superseded"><Trans>Duplicate</Trans></State>
  if (verdict === 'ignored') return <State state="skipped"><Trans>Ignored</Trans></State>
  return <State state="passed">{builds.length > 0 ? <Trans>Built</Trans> : <Trans>Accepted</Trans>}</State>
}

function Details({ delivery }: { delivery: Delivery }) {
  const { t } = useLingui()
  const format = useFormat()
  const lines: readonly (readonly [string, string | null])[] = [
    [t`Received`, format.dateTime(delivery.receivedAt)],
    [t`Went to`, delivery.ownHook ? t`the project’s own webhook` : t`the webhook of all projects`],
    [t`Repository`, delivery.repository],
    [t`The sender’s id`, delivery.deliveryId],
    [t`Replay of`, delivery.replayOf === null ? null : t`delivery ${delivery.replayOf}`],
  ]
  return (
    <details>
      <summary className="w-fit py-1"><Trans>Details of delivery {delivery.id}</Trans></summary>
      <dl className="grid gap-x-4 pb-1 sm:grid-cols-[max-content_1fr]">
        {lines.map(([word, value]) => value && (
          <div key={word} className="contents">
            <dt>{word}</dt>
            <dd className="min-w-0 break-words text-muted"><bdi>{value}</bdi></dd>
          </div>
        ))}
      </dl>
    </details>
  )
}

function Replay({ delivery, project, open, onClose }: { delivery: Delivery; project: number; open: boolean; onClose: () => void }) {
  const queries = useQueryClient()
  const replay = async () => {
    await api.POST('/api/v1/deliveries/{id}/replay', { params: { path: { id: delivery.id } } })
    await queries.invalidateQueries({ queryKey: keys.deliveries(project) })
  }
  return (
    <Confirm
      open={open}
      onClose={onClose}
      title={<Trans>Replay this delivery?</Trans>}
      consequences={[
        ['forward', <Trans>What it asked for is done again, with the settings of today.</Trans>],
        ['live', <Trans>A push builds the commit that it named, and that goes live even if a newer one is live now.</Trans>],
        ['clock', <Trans>The next look at the branch brings the newest back.</Trans>],
      ]}
      action={<Trans>Replay it</Trans>}
      act={replay}
    >
      <Trans><bdi>{delivery.event}</bdi>, received <Ago at={delivery.receivedAt} />.</Trans>
    </Confirm>
  )
}
