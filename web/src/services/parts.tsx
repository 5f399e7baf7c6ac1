/** How services are shown wherever they are: their routes, what they use, what is done about them. */

import { Trans, useLingui } from '@lingui/react/macro'

import { ask } from '~/actions/ask'
import type { Service } from '~/services/types'
import type { Usage } from '~/services/usage'
import { useAmount, useFormat } from '~/ui/format'
import { MenuItem } from '~/ui/menu'

/** `/api`, `/` … or that nobody but its siblings reaches it, or not even they. */
export function Routes({ of: { routes, port } }: { of: Pick<Service, 'routes' | 'port'> }) {
  if (routes.length === 0 && port === null) return <span className="text-dim"><Trans>answers no requests</Trans></span>
  if (routes.length === 0) return <span className="text-dim"><Trans>reached by the other services only</Trans></span>
  return (
    <span className="inline-flex flex-wrap gap-1" dir="ltr">
      {routes.map(({ path }) => <code key={path} className="chip max-w-full whitespace-normal wrap-anywhere">{path}</code>)}
    </span>
  )
}

/** An amount beside what it may be at most; how near it is, for the eye. `hurts`: at the limit it ends. */
export function Gauge({ words, share, hurts = false }: { words: React.ReactNode; share: number | null; hurts?: boolean }) {
  const isHigh = hurts && share !== null && share > 0.9
  return (
    <span className="inline-grid min-w-0 gap-1">
      <span>{words}</span>
      {share !== null && (
        <span aria-hidden="true" className="block h-1 w-full rounded-sm bg-idle-soft forced-colors:border">
          <i className={`block h-full rounded-sm forced-colors:bg-[CanvasText] ${isHigh ? 'bg-fail' : 'bg-[color-mix(in_oklab,var(--accent)_70%,var(--surface))]'}`} style={{ inlineSize: `${Math.min(100, Math.max(2, share * 100))}%` }} />
        </span>
      )}
    </span>
  )
}

export function Memory({ of: { memory, memoryLimit } }: { of: Pick<Usage, 'memory' | 'memoryLimit'> }) {
  const amount = useAmount()
  return <Gauge words={<Trans>{amount(memory)} of {amount(memoryLimit)}</Trans>} share={memoryLimit > 0 ? memory / memoryLimit : null} hurts />
}

/** `limit`: the processors that they may use together; `null`: as many as there are. */
export function Cpus({ used, limit }: { used: number; limit: number | null }) {
  const { i18n } = useLingui()
  const format = useFormat()
  const now = i18n.number(used, { maximumFractionDigits: 2 })
  return <Gauge words={limit === null ? now : <Trans>{now} of {format.number(limit)}</Trans>} share={limit === null ? null : used / limit} />
}

/** What is done about a service, for a menu. */
export function ServiceItems({ project, service, services }: { project: number; service: Service; services: readonly Service[] }) {
  const running = services.filter(({ kind }) => kind === 'running').map(({ name }) => name)
  return (
    <>
      <MenuItem acts icon="again" disabled={!service.replicas} onClick={() => ask({ kind: 'restart_service', project, service })}><Trans>Restart…</Trans></MenuItem>
      <MenuItem acts icon="sort" onClick={() => ask({ kind: 'scale_service', project, service })}><Trans>Scale…</Trans></MenuItem>
      {service.environment === 'production' && <MenuItem acts icon="forward" onClick={() => ask({ kind: 'run_command', project, services: running, service: service.name })}><Trans>Run a command…</Trans></MenuItem>}
    </>
  )
}
