/** A secret in the list, and what can be done with it. Removing and renaming can be taken back for eight seconds. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useState } from 'react'

import { api, type Schema } from '~/api/client'
import { Renaming, Replacing, Scoping } from '~/pages/settings/secrets/changing'
import { useLater, useRefused } from '~/pages/settings/secrets/waiting'
import { useScopes } from '~/pages/settings/secrets/words'
import { Icon } from '~/ui/icons'
import { Menu, MenuItem } from '~/ui/menu'
import { Ago } from '~/ui/time'

export type Variable = Schema['VariableBody']
type RowProps = { project: Schema['ProjectBody']; variable: Variable; all: readonly Variable[] }
type Open = 'replace' | 'rename' | 'scope'

export function Row({ project, variable, all }: RowProps) {
  const { t } = useLingui()
  const later = useLater(project.id)
  const problem = useRefused(variable.id)
  const where = useScopes().find(([scope]) => scope === variable.scope)?.[1]
  const [open, setOpen] = useState<Open>()
  const close = () => setOpen(undefined)
  const remove = () =>
    later(variable.id, null, {
      words: <Trans><bdi className="mono">{variable.key}</bdi> is removed. The next build goes without it.</Trans>,
      send: ({ keepalive }) => api.DELETE('/api/v1/variables/{id}', { params: { path: { id: variable.id } }, keepalive }),
    })
  return (
    <li className="secret-row border-line not-first:border-t sm:first:border-t">
      <span className="flex min-w-0 items-center gap-2 max-sm:col-span-2">
        <code className="cut text-sm font-semibold" dir="ltr">{variable.key}</code>
        {variable.kind === 'plain' && <span className="tag text-busy"><Icon name="eye" /><Trans>Public</Trans></span>}
      </span>
      <span className="text-sm text-muted max-sm:col-start-1">{where}</span>
      <span className="text-dim max-sm:hidden" role="img" aria-label={t`A value that is set and cannot be shown`}>••••••••</span>
      <span className="text-sm text-dim max-sm:col-start-2"><Ago at={variable.updatedAt} /></span>
      <span className="justify-self-end max-sm:col-start-3 max-sm:row-span-2 max-sm:row-start-1">
        <Menu label={t`Actions for ${variable.key} (${where})`}>
          {() => (
            <>
              <MenuItem acts onClick={() => setOpen('replace')}><Trans>Replace the value…</Trans></MenuItem>
              <MenuItem acts onClick={() => setOpen('rename')}><Trans>Rename…</Trans></MenuItem>
              <MenuItem acts onClick={() => setOpen('scope')}><Trans>Change where it is used…</Trans></MenuItem>
              <MenuItem danger acts onClick={remove}><Trans>Remove</Trans></MenuItem>
            </>
          )}
        </Menu>
      </span>
      {problem && <p className="col-span-full pb-2 text-sm text-fail" role="alert">{problem}</p>}
      <Replacing open={open === 'replace'} onClose={close} project={project} variable={variable} />
      <Renaming open={open === 'rename'} onClose={close} project={project} variable={variable} all={all} />
      <Scoping open={open === 'scope'} onClose={close} project={project} variable={variable} />
    </li>
  )
}
