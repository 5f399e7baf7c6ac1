import { useLingui } from '@lingui/react/macro'

import { Page } from '~/shell/page'

export function NewProjectPage() {
  const { t } = useLingui()
  return <Page title={t`New`}>{null}</Page>
}
