/** For administrators: who has an account, and who is invited to open one. */

import { useLingui } from '@lingui/react/macro'
import { Suspense, useState } from 'react'

import type { Schema } from '~/api/client'
import { ForAdministrators } from '~/pages/users/administrators'
import { Accounts } from '~/pages/users/accounts'
import { Invitations } from '~/pages/users/invitations'
import { NewLink } from '~/pages/users/new-link'
import { LeaveGuard } from '~/ui/leave'
import { Loading } from '~/ui/loading'

export function UsersPage() {
  const { t } = useLingui()
  /** The link that was made last: the server shows it once, so it stays here until somebody leaves the page. */
  const [link, setLink] = useState<Schema['LinkBody']>()
  return (
    <ForAdministrators title={t`Users`}>
      <div className="grid max-w-4xl gap-5">
        {link && <NewLink key={link.url} link={link} />}
        <Suspense fallback={<Loading />}>
          <Accounts onLink={setLink} />
          <Invitations onLink={setLink} />
        </Suspense>
      </div>
      <LeaveGuard />
    </ForAdministrators>
  )
}
