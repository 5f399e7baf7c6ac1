import { useLingui } from '@lingui/react/macro'

import { Page } from '~/shell/page'

export function SystemPage() {
  const { t } = useLingui()
  return <Page title={t`System`}>{null}</Page>
}
