/** What builds get in their environment: which there are and where they count, never what they say. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useSuspenseQuery } from '@tanstack/react-query'
import { useLocation } from '@tanstack/react-router'
import { useState } from 'react'

import type { Schema } from '~/api/client'
import { variablesQuery } from '~/pages/settings/queries'
import { Adding } from '~/pages/settings/secrets/adding'
import { Copying } from '~/pages/settings/secrets/copying'
import { Paste } from '~/pages/settings/secrets/paste'
import { Row } from '~/pages/settings/secrets/row'
import { useWithWaiting } from '~/pages/settings/secrets/waiting'
import { Button } from '~/ui/button'
import { Empty } from '~/ui/panel'

const PANELS = ['add', 'paste', 'copy'] as const
type Open = (typeof PANELS)[number]

export default function SecretsSection({ project }: { project: Schema['ProjectBody'] }) {
  const { t } = useLingui()
  const variables = useWithWaiting(useSuspenseQuery(variablesQuery(project.id)).data)
  const [open, setOpen] = useState<Open>()
  const { hash, state } = useLocation()
  const [arrival, setArrival] = useState<object>()
  // Whoever was led here to add or to paste finds it open; each time anew.
  if (state !== arrival) {
    setArrival(state)
    setOpen(PANELS.find((panel) => panel === hash) ?? open)
  }
  const close = () => setOpen(undefined)
  return (
    <>
      <div className="flex flex-wrap items-start gap-3">
        <p className="max-w-prose min-w-0 flex-1 basis-80 text-muted">
          <Trans>Given to builds as environment variables. Sealed on this machine: a value can be replaced, never read back. A change takes effect with the next build.</Trans>
        </p>
        <div className="ms-auto flex flex-wrap gap-2">
          <Button acts onClick={() => setOpen('copy')}><Trans>Copy from a project</Trans></Button>
          <Button acts onClick={() => setOpen('paste')}><Trans>Paste a .env</Trans></Button>
          <Button acts name="secrets" look="primary" icon="plus" onClick={() => setOpen('add')}><Trans>Add secret</Trans></Button>
        </div>
      </div>
      {open === 'add' && <Adding project={project} onDone={close} />}
      {open === 'copy' && <Copying project={project} variables={variables} onDone={close} />}
      {open === 'paste' && <Paste project={project} variables={variables} onDone={close} />}
      {variables.length > 0 ? (
        <section className="panel" aria-label={t`Secrets`}>
          <div aria-hidden="true" className="secret-row hidden min-h-8 text-xs text-dim sm:grid">
            <span><Trans>Key</Trans></span>
            <span><Trans>Used in</Trans></span>
            <span><Trans>Value</Trans></span>
            <span><Trans>Changed</Trans></span>
          </div>
          <ul>{variables.map((variable) => <Row key={variable.id} project={project} variable={variable} all={variables} />)}</ul>
        </section>
      ) : !open && (
        <Empty title={t`No secrets yet`} actions={<Button acts onClick={() => setOpen('paste')}><Trans>Paste a .env</Trans></Button>}>
          <p><Trans>API keys and addresses that a build needs and the repository should not hold.</Trans></p>
        </Empty>
      )}
    </>
  )
}
