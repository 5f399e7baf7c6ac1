import { useLingui } from '@lingui/react/macro'

import { Page } from '~/shell/page'

export function LoginPage() {
  const { t } = useLingui()
  return <Page title={t`Login`}>{null}</Page>
}
