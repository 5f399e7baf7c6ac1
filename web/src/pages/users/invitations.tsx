/** Links by which somebody opens an account or sets a password: who made them, for whom, and what became of them. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import { api, body, type Schema } from '~/api/client'
import { messageOf } from '~/api/errors'
import { keys } from '~/api/keys'
import { useInvitations } from '~/pages/users/lists'
import { Button } from '~/ui/button'
import { Select, TextField } from '~/ui/field'
import { Form, SaveBar, useForm } from '~/ui/form'
import { Panel } from '~/ui/panel'
import { State } from '~/ui/state'
import { Ago } from '~/ui/time'

type Invitation = Schema['InvitationBody']
type OnLink = (link: Schema['LinkBody']) => void

export function Invitations({ onLink }: { onLink: OnLink }) {
  const { t } = useLingui()
  const { data, hasNextPage, fetchNextPage, isFetchingNextPage } = useInvitations()
  const [inviting, setInviting] = useState(false)
  const invitations = data.pages.flat()
  return (
    <Panel title={t`Invitations`} aside={!inviting && <Button acts look="quiet" icon="plus" onClick={() => setInviting(true)}><Trans>Invite somebody</Trans></Button>}>
      <p className="max-w-prose px-4 py-3 text-muted"><Trans>A link opens one account, once. Hand it on yourself: Berth sends no e-mail.</Trans></p>
      {inviting && (
        <Inviting
          onMade={(link) => {
            onLink(link)
            setInviting(false)
          }}
          onCancel={() => setInviting(false)}
        />
      )}
      <ul>{invitations.map((invitation) => <Row key={invitation.id} invitation={invitation} />)}</ul>
      {hasNextPage && (
        <div className="border-t border-line px-4 py-3">
          <Button pending={isFetchingNextPage} onClick={() => void fetchNextPage()}><Trans>Older invitations</Trans></Button>
        </div>
      )}
    </Panel>
  )
}

function Inviting({ onMade, onCancel }: { onMade: OnLink; onCancel: () => void }) {
  const { t } = useLingui()
  const queries = useQueryClient()
  const form = useForm({ note: '', role: 'member', expiresInHours: '168' }, async (_, { note, role, expiresInHours }) => {
    const link = await body(api.POST('/api/v1/invitations', {
      body: { note: note.trim() || null, role: role as Schema['Role'], expiresInHours: Number(expiresInHours) },
    }))
    void queries.invalidateQueries({ queryKey: keys.invitations })
    onMade(link)
  }, { mayBeAsItWas: true })
  return (
    <Form form={form} isNew label={t`A new invitation`} className="border-t border-line">
      <div className="grid gap-4 p-4 sm:grid-cols-3">
        <TextField {...form.text('note')} label={t`Whom it is for`} maxLength={200} autoComplete="off" hint={<Trans>For you and the other administrators.</Trans>} />
        <Select {...form.text('role')} label={t`They become`} options={[['member', t`A member`], ['admin', t`An administrator`]]} />
        <Select {...form.text('expiresInHours')} label={t`The link stands for`} options={[['24', t`A day`], ['168', t`A week`], ['720', t`30 days`]]} />
      </div>
      <SaveBar form={form} action={<Trans>Make a link</Trans>} aside={<Button look="quiet" onClick={onCancel}><Trans>Cancel</Trans></Button>}>
        <Trans>It is shown once.</Trans>
      </SaveBar>
    </Form>
  )
}

function Row({ invitation }: { invitation: Invitation }) {
  const { t } = useLingui()
  const queries = useQueryClient()
  const withdraw = useMutation({
    mutationFn: () => api.DELETE('/api/v1/invitations/{id}', { params: { path: { id: invitation.id } } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.invitations }),
  })
  const { note, passwordOf, createdBy, usedBy } = invitation
  const purpose = passwordOf ? t`a new password for ${passwordOf}` : invitation.role === 'admin' ? t`for an administrator` : t`for a member`
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 border-t border-line px-4 py-2">
      <div className="min-w-0 flex-1 basis-56">
        <p className="cut" dir="auto">{note && <span className="font-semibold">{note}</span>} <span className={note ? 'text-muted' : 'font-semibold'}>{purpose}</span></p>
        <p className="text-sm text-dim">
          <Trans>By <bdi>{createdBy}</bdi>, <Ago at={invitation.createdAt} /></Trans>
          {usedBy && invitation.usedAt && <> · <Trans>used by <bdi>{usedBy}</bdi>, <Ago at={invitation.usedAt} /></Trans></>}
          {invitation.state === 'pending' && <> · <Trans>ends <Ago at={invitation.expiresAt} /></Trans></>}
        </p>
        {withdraw.error && <p className="text-sm text-fail" role="alert">{messageOf(withdraw.error)}</p>}
      </div>
      <Standing state={invitation.state} />
      {invitation.state === 'pending' && (
        <Button acts pending={withdraw.isPending} aria-label={t`Withdraw the link: ${note ?? purpose}`} onClick={() => withdraw.mutate()}><Trans>Withdraw</Trans></Button>
      )}
    </li>
  )
}

function Standing({ state }: { state: Invitation['state'] }) {
  if (state === 'pending') return <State state="queued"><Trans>Waits</Trans></State>
  if (state === 'used') return <State state="passed"><Trans>Used</Trans></State>
  return <State state="canceled">{state === 'expired' ? <Trans>Ran out</Trans> : <Trans>Withdrawn</Trans>}</State>
}
