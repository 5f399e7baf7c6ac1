/** A page that could not be shown: what failed, whether sites are affected, and what to do. What may pass is tried again by itself. */

import { Trans, useLingui } from '@lingui/react/macro'
import { type ErrorComponentProps, useRouter } from '@tanstack/react-router'
import { useEffect } from 'react'

import { messageOf, Refusal } from '~/api/errors'
import { Page } from '~/shell/page'
import { loadAnew, MissingPiece } from '~/shell/piece'
import { Button, LinkButton } from '~/ui/button'
import { Empty } from '~/ui/panel'

export function Failed({ error, reset }: ErrorComponentProps) {
  const { t } = useLingui()
  const router = useRouter()
  const passing = error instanceof Refusal && (error.status === 0 || error.status >= 500)
  useEffect(() => {
    if (!passing) return
    const timer = setTimeout(() => {
      reset()
      void router.invalidate()
    }, 3_000)
    return () => clearTimeout(timer)
  }, [passing, error, reset, router])
  useEffect(() => {
    if (error instanceof MissingPiece) loadAnew()
  }, [error])
  if (error instanceof Refusal && error.status === 404) return <NotFound />
  const again = () => {
    if (error instanceof MissingPiece) return location.reload()
    reset()
    void router.invalidate()
  }
  return (
    <Page title={t`This could not be loaded`}>
      <Empty title={error instanceof MissingPiece ? t`A part of the dashboard is missing on the server` : messageOf(error)} actions={<Button look="primary" onClick={again}><Trans>Try again</Trans></Button>}>
        <p><Trans>Sites are not affected: they are served without the dashboard.</Trans></p>
      </Empty>
    </Page>
  )
}

export function NotFound() {
  const { t } = useLingui()
  return (
    <Page title={t`Nothing here`}>
      <Empty title={t`There is no page at this address`} actions={<LinkButton to="/" look="primary"><Trans>Go to your projects</Trans></LinkButton>}>
        <p><Trans>It was deleted, it has another name now, or it is somebody else’s.</Trans></p>
      </Empty>
    </Page>
  )
}
