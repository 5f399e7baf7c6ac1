import { useLingui } from '@lingui/react/macro'

import { Page } from '~/shell/page'

export function ProjectsPage() {
  const { t } = useLingui()
  return <Page title={t`Projects`}>{null}</Page>
}
