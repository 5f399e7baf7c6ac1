/** What an administrator does about an account, with what it means for its owner and their sites. */

import { Trans } from '@lingui/react/macro'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import { api, type Schema } from '~/api/client'
import { keys } from '~/api/keys'
import { Confirm, type Consequence } from '~/ui/dialog'

export type Question = 'promote' | 'demote' | 'sign_out' | 'deactivate' | 'reactivate'

type Words = { title: React.ReactNode; text: React.ReactNode; consequences: readonly Consequence[]; action: React.ReactNode; danger?: boolean }

export function Asked({ user, question, onClose }: { user: Schema['UserSummaryBody']; question: Question | undefined; onClose: () => void }) {
  const queries = useQueryClient()
  /** The words stay while the dialog goes. */
  const [last, setLast] = useState<Question>('promote')
  if (question && question !== last) setLast(question)
  const path = { params: { path: { id: user.id } } }
  const act = async () => {
    if (last === 'sign_out') await api.DELETE('/api/v1/users/{id}/sessions', path)
    else await api.PATCH('/api/v1/users/{id}', { ...path, body: CHANGES[last] })
    await queries.invalidateQueries({ queryKey: keys.users })
  }
  const { title, text, ...words } = wordsOf(last, user.username)
  return <Confirm open={question !== undefined} onClose={onClose} title={title} {...words} act={act}>{text}</Confirm>
}

const CHANGES: Record<Exclude<Question, 'sign_out'>, Schema['UserChangeForm']> = {
  promote: { role: 'admin' },
  demote: { role: 'member' },
  deactivate: { active: false },
  reactivate: { active: true },
}

function wordsOf(question: Question, name: string): Words {
  const who = <bdi>{name}</bdi>
  switch (question) {
    case 'promote':
      return {
        title: <Trans>Make {who} an administrator?</Trans>,
        text: <Trans>It holds from their next request on.</Trans>,
        consequences: [
          ['plus', <Trans>They see the system page, users and invitations, and can change them, your account too.</Trans>],
          ['check', <Trans>Projects, with their logs and secrets, stay their owner’s.</Trans>],
        ],
        action: <Trans>Make an administrator</Trans>,
      }
    case 'demote':
      return {
        title: <Trans>Make {who} a member?</Trans>,
        text: <Trans>It holds from their next request on.</Trans>,
        consequences: [
          ['slashed', <Trans>They no longer see the system page, users and invitations.</Trans>],
          ['close', <Trans>Links that they made and nobody has used end.</Trans>],
          ['check', <Trans>Their projects stay theirs.</Trans>],
        ],
        action: <Trans>Make a member</Trans>,
      }
    case 'sign_out':
      return {
        title: <Trans>Sign {who} out everywhere?</Trans>,
        text: <Trans>All their sessions end within seconds.</Trans>,
        consequences: [['check', <Trans>They can sign in again. Sites stay up.</Trans>]],
        action: <Trans>Sign out</Trans>,
      }
    case 'deactivate':
      return {
        title: <Trans>Deactivate {who}?</Trans>,
        text: <Trans>They are signed out everywhere at once and kept out.</Trans>,
        consequences: [
          ['slashed', <Trans>Their API tokens are refused.</Trans>],
          ['check', <Trans>Their sites stay up, and pushes are built.</Trans>],
          ['back', <Trans>You can reactivate them at any time.</Trans>],
        ],
        action: <Trans>Deactivate</Trans>,
        danger: true,
      }
    case 'reactivate':
      return {
        title: <Trans>Reactivate {who}?</Trans>,
        text: <Trans>They may sign in again.</Trans>,
        consequences: [['check', <Trans>Everything of theirs is as it was.</Trans>]],
        action: <Trans>Reactivate</Trans>,
      }
  }
}
