/** Everybody who has an account, and what an administrator can do about it. */

import { Plural, Trans, useLingui } from '@lingui/react/macro'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import { api, body, type Schema } from '~/api/client'
import { messageOf } from '~/api/errors'
import { keys } from '~/api/keys'
import { useMe } from '~/api/queries'
import { Asked, type Question } from '~/pages/users/questions'
import { useUsers } from '~/pages/users/lists'
import { Removal } from '~/pages/users/removal'
import { Avatar } from '~/ui/avatar'
import { Button } from '~/ui/button'
import { Menu, MenuItem } from '~/ui/menu'
import { Panel } from '~/ui/panel'
import { State } from '~/ui/state'
import { Ago } from '~/ui/time'

type User = Schema['UserSummaryBody']
type OnLink = (link: Schema['LinkBody']) => void

export function Accounts({ onLink }: { onLink: OnLink }) {
  const { t } = useLingui()
  const { data, hasNextPage, fetchNextPage, isFetchingNextPage } = useUsers()
  const users = data.pages.flat()
  return (
    <Panel title={t`Accounts`}>
      <ul>{users.map((user) => <Row key={user.id} user={user} users={users} onLink={onLink} />)}</ul>
      {hasNextPage && (
        <div className="border-t border-line px-4 py-3">
          <Button pending={isFetchingNextPage} onClick={() => void fetchNextPage()}><Trans>Older accounts</Trans></Button>
        </div>
      )}
    </Panel>
  )
}

function Row({ user, users, onLink }: { user: User; users: readonly User[]; onLink: OnLink }) {
  const { t } = useLingui()
  const me = useMe()
  const queries = useQueryClient()
  const [asked, setAsked] = useState<Question | 'remove'>()
  const passwordLink = useMutation({
    mutationFn: () => body(api.POST('/api/v1/users/{id}/password-link', { params: { path: { id: user.id } } })),
    onSuccess(link) {
      onLink(link)
      void queries.invalidateQueries({ queryKey: keys.invitations })
    },
  })
  const isMine = user.id === me.id
  const close = () => setAsked(undefined)
  return (
    <li className="flex items-center gap-3 border-line px-4 py-2 not-first:border-t">
      <Avatar name={user.username} />
      <div className="min-w-0 flex-1">
        <p className="cut" dir="auto"><span className="font-semibold">{user.username}</span> {isMine && <span className="text-muted"><Trans>(you)</Trans></span>}</p>
        <p className="text-sm text-dim">
          {user.role === 'admin' ? <Trans>Administrator</Trans> : <Trans>Member</Trans>} · <Ways ways={user.signIn} /> · <Plural value={user.projects} _0="no projects" one="# project" other="# projects" /> · {user.lastSeenAt ? <Trans>last seen <Ago at={user.lastSeenAt} /></Trans> : <Trans>never seen</Trans>}
        </p>
        {passwordLink.error && <p className="text-sm text-fail" role="alert">{messageOf(passwordLink.error)}</p>}
      </div>
      {!user.active && <State state="canceled"><Trans>Deactivated</Trans></State>}
      {!isMine && (
        <Menu label={t`Actions for ${user.username}`}>
          {() => (
            <>
              <MenuItem onClick={() => setAsked(user.role === 'admin' ? 'demote' : 'promote')}>
                {user.role === 'admin' ? <Trans>Make a member…</Trans> : <Trans>Make an administrator…</Trans>}
              </MenuItem>
              {user.active && user.signIn.includes('password') && <MenuItem onClick={() => passwordLink.mutate()}><Trans>Make a password link</Trans></MenuItem>}
              <MenuItem onClick={() => setAsked('sign_out')}><Trans>Sign out everywhere…</Trans></MenuItem>
              <MenuItem onClick={() => setAsked(user.active ? 'deactivate' : 'reactivate')}>
                {user.active ? <Trans>Deactivate…</Trans> : <Trans>Reactivate…</Trans>}
              </MenuItem>
              <MenuItem danger onClick={() => setAsked('remove')}><Trans>Remove…</Trans></MenuItem>
            </>
          )}
        </Menu>
      )}
      <Asked user={user} question={asked === 'remove' ? undefined : asked} onClose={close} />
      <Removal user={user} others={users.filter(({ id, active }) => active && id !== user.id)} open={asked === 'remove'} onClose={close} />
    </li>
  )
}

function Ways({ ways }: { ways: User['signIn'] }) {
  const { t } = useLingui()
  if (ways.length === 0) return <Trans>no way to sign in</Trans>
  const words = ways.map((way) => (way === 'github' ? 'GitHub' : t`password`)).join(', ')
  return <Trans>signs in with {words}</Trans>
}
