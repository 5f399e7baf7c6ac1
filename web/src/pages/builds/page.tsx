import { useLingui } from '@lingui/react/macro'

import { Page } from '~/shell/page'

export function BuildsPage() {
  const { t } = useLingui()
  return <Page title={t`Builds`}>{null}</Page>
}
