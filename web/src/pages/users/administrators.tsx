/** Pages that are for administrators say so to everybody else. */

import { Trans, useLingui } from '@lingui/react/macro'

import { useMe } from '~/api/queries'
import { Page } from '~/shell/page'
import { LinkButton } from '~/ui/button'
import { Empty } from '~/ui/panel'

export function ForAdministrators({ title, children }: { title: string; children: React.ReactNode }) {
  const { t } = useLingui()
  const { role } = useMe()
  return (
    <Page title={title}>
      {role === 'admin' ? children : (
        <Empty title={t`This page is for administrators`} actions={<LinkButton to="/" look="primary"><Trans>Go to your projects</Trans></LinkButton>}>
          <p><Trans>You are a member. An administrator of this Berth can change that.</Trans></p>
        </Empty>
      )}
    </Page>
  )
}
