import { useLingui } from '@lingui/react/macro'

import { Page } from '~/shell/page'

export function BuildPage() {
  const { t } = useLingui()
  return <Page title={t`Build`}>{null}</Page>
}
