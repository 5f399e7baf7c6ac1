/** Who is signed in. */

import { Trans } from '@lingui/react/macro'

import type { Schema } from '~/api/client'
import { Avatar } from '~/ui/avatar'
import { useFormat } from '~/ui/format'

export function Who({ me }: { me: Schema['UserBody'] }) {
  const format = useFormat()
  const since = format.date(me.createdAt)
  return (
    <div className="panel flex items-center gap-3 p-4">
      <Avatar name={me.username} picture={me.avatar} />
      <div className="min-w-0">
        <p className="cut font-semibold" dir="auto">{me.username}</p>
        <p className="text-sm text-muted">
          {me.role === 'admin' ? <Trans>An administrator, since {since}</Trans> : <Trans>A member, since {since}</Trans>}
          {me.email && me.email !== me.username && <> · <bdi>{me.email}</bdi></>}
        </p>
      </div>
    </div>
  )
}
