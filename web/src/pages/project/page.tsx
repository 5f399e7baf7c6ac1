import { useLingui } from '@lingui/react/macro'

import { Page } from '~/shell/page'

export function ProjectPage() {
  const { t } = useLingui()
  return <Page title={t`Project`}>{null}</Page>
}
