import { useLingui } from '@lingui/react/macro'

import { Page } from '~/shell/page'

export function SettingsPage() {
  const { t } = useLingui()
  return <Page title={t`Settings`}>{null}</Page>
}
