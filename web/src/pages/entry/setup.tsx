import { useLingui } from '@lingui/react/macro'

import { Page } from '~/shell/page'

export function SetupPage() {
  const { t } = useLingui()
  return <Page title={t`Setup`}>{null}</Page>
}
