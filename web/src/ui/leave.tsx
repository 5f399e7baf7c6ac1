/** Asks before a page is left with something that was typed and not saved. */

import { Trans } from '@lingui/react/macro'
import { useBlocker } from '@tanstack/react-router'
import { useEffect, useState } from 'react'

import { Confirm } from '~/ui/dialog'

const unsaved = new Set<symbol>()

/** Says whether the form of the caller holds changes. What it returns lets the page be left at once: they are being saved. */
export function useUnsaved(isUnsaved: boolean): () => void {
  const [form] = useState(() => Symbol('form'))
  useEffect(() => {
    if (!isUnsaved) return
    unsaved.add(form)
    return () => void unsaved.delete(form)
  }, [isUnsaved, form])
  return () => void unsaved.delete(form)
}

/** Once on every page that has such forms. The sign-in is let through: whose session ended cannot save either. */
export function LeaveGuard() {
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => unsaved.size > 0 && current.pathname !== next.pathname && next.pathname !== '/login',
    enableBeforeUnload: () => unsaved.size > 0,
    withResolver: true,
  })
  const isAsking = blocker.status === 'blocked'
  return (
    <Confirm
      open={isAsking}
      onClose={() => blocker.reset?.()}
      title={<Trans>Leave without saving?</Trans>}
      consequences={[['close', <Trans>What you changed here is not saved.</Trans>], ['check', <Trans>Everything stays as it was before.</Trans>]]}
      action={<Trans>Leave</Trans>}
      keep={<Trans>Stay here</Trans>}
      act={async () => blocker.proceed?.()}
    >
      <Trans>This page has changes that are not saved.</Trans>
    </Confirm>
  )
}
