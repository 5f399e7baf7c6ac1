/** One's own account: who one is, where one is signed in, what one's programs use, and how this browser shows the dashboard. */

import { useLingui } from '@lingui/react/macro'
import { Suspense } from 'react'

import { useMe } from '~/api/queries'
import { Browser } from '~/pages/account/browser'
import { Github } from '~/pages/account/github'
import { Password } from '~/pages/account/password'
import { Sessions } from '~/pages/account/sessions'
import { Tokens } from '~/pages/account/tokens'
import { Who } from '~/pages/account/who'
import { Arrive } from '~/pages/settings/arrive'
import { Page } from '~/shell/page'
import { LeaveGuard } from '~/ui/leave'
import { Loading } from '~/ui/loading'

export function AccountPage() {
  const { t } = useLingui()
  const me = useMe()
  return (
    <Page title={t`Account`}>
      <div className="grid max-w-4xl gap-5">
        <Who me={me} />
        <Suspense fallback={<Loading />}>
          <Github me={me} />
          <Sessions />
          <Tokens />
          {me.hasPassword && <Password />}
          <Browser />
          <Arrive />
        </Suspense>
      </div>
      <LeaveGuard />
    </Page>
  )
}
