import { useLingui } from '@lingui/react/macro'

import { Page } from '~/shell/page'

export function UsersPage() {
  const { t } = useLingui()
  return <Page title={t`Users`}>{null}</Page>
}
