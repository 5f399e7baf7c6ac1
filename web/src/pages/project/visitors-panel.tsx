/** What visitors asked for since Berth started, in numbers and by minutes of the last hour. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'

import type { Schema } from '~/api/client'
import { useFormat } from '~/ui/format'
import { Panel } from '~/ui/panel'
import { trafficQuery } from './queries'
import { byMinute, MINUTES } from './visitors'

export function VisitorsPanel({ project }: { project: number }) {
  const { data: traffic, dataUpdatedAt } = useQuery(trafficQuery(project))
  const format = useFormat()
  if (!traffic) return null
  const since = <bdi><time dateTime={traffic.since}>{format.dateTime(traffic.since)}</time></bdi>
  return (
    <Panel title={<Trans>Visitors</Trans>}>
      {traffic.requests === 0
        ? <p className="p-4 text-sm text-muted"><Trans>Nobody has asked for anything since Berth started, {since}.</Trans></p>
        : (
          <>
            <Bars minutes={traffic.minutes} now={dataUpdatedAt} />
            <Figures of={traffic} />
            <p className="border-t border-line px-4 py-2.5 text-xs text-dim"><Trans>Production and previews together, since Berth started, {since}. The picture of the site on this page is asked for like any other visit. Nothing of it is written down.</Trans></p>
          </>
        )}
    </Panel>
  )
}

function Figures({ of: { requests, bytes, statuses, cacheHits, latency } }: { of: Schema['TrafficBody'] }) {
  const { t } = useLingui()
  const format = useFormat()
  const share = new Intl.NumberFormat(format.locale, { style: 'percent', maximumFractionDigits: 0 })
  const seconds = (value: number) => (value < 0.001 ? t`under ${format.duration(1)}` : format.duration(value * 1_000))
  const figures: (readonly [React.ReactNode, string])[] = [
    [<Trans>Requests</Trans>, format.number(requests)],
    [<Trans>Sent</Trans>, format.size(bytes)],
    [<Trans>Answered</Trans>, format.number(statuses['2xx'])],
    [<Trans>Unchanged or moved</Trans>, format.number(statuses['3xx'])],
    [<Trans>Not found, refused</Trans>, format.number(statuses['4xx'])],
    [<Trans>Failed</Trans>, format.number(statuses['5xx'])],
    [<Trans>From memory</Trans>, share.format(cacheHits / requests)],
  ]
  if (latency) figures.push([<Trans>Half answered within</Trans>, seconds(latency.p50)], [<Trans>99 of 100 within</Trans>, seconds(latency.p99)])
  return (
    <dl className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 gap-y-1.5 px-4 py-3 text-sm">
      {figures.map(([name, value], index) => (
        <div key={index} className="contents">
          <dt className="text-dim">{name}</dt>
          <dd className="text-end">{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function Bars({ minutes, now }: { minutes: Schema['TrafficBody']['minutes']; now: number }) {
  const { t, i18n } = useLingui()
  const format = useFormat()
  const bars = byMinute(minutes, now)
  const most = Math.max(...bars)
  const at = i18n.date(new Date(now - (MINUTES - 1 - bars.indexOf(most)) * 60_000), { timeStyle: 'short' })
  const words = most > 0 ? t`Requests by minute in the last hour; most, ${format.number(most)}, at ${at}` : t`No requests in the last hour`
  return (
    <div role="img" aria-label={words} title={words} dir="ltr" className="mx-4 mt-3 flex h-10 items-end gap-px border-b border-line">
      {bars.map((requests, minute) => (
        // A minute with anything at all shows.
        <i key={minute} className="flex-1 bg-[color-mix(in_oklab,var(--accent)_70%,var(--surface))] forced-colors:bg-[CanvasText]" style={{ blockSize: requests > 0 ? `${Math.max(6, (requests / most) * 100)}%` : 0 }} />
      ))}
    </div>
  )
}
