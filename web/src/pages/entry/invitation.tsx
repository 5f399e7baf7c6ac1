import { useLingui } from '@lingui/react/macro'

import { Page } from '~/shell/page'

export function InvitationPage() {
  const { t } = useLingui()
  return <Page title={t`Invitation`}>{null}</Page>
}
