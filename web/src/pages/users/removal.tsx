/** Removing an account. Its projects go to somebody else, or are deleted with their sites: then the name has to be typed. */

import { plural } from '@lingui/core/macro'
import { Trans, useLingui } from '@lingui/react/macro'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import { api, type Schema } from '~/api/client'
import { keys } from '~/api/keys'
import { Confirm, type Consequence } from '~/ui/dialog'
import { Select } from '~/ui/field'

type User = Schema['UserSummaryBody']

export function Removal({ user, others, open, onClose }: { user: User; others: readonly User[]; open: boolean; onClose: () => void }) {
  const { t } = useLingui()
  const queries = useQueryClient()
  const heirs = others.map(({ id, username }) => [`transfer:${id}`, t`Go to ${username}`] as const)
  const choices = [...heirs, ['delete', t`Are deleted, with their sites`] as const]
  const [chosen, setChosen] = useState<string>()
  const owns = user.projects > 0
  const projects = owns ? (chosen ?? choices[0]?.[0]) : undefined
  const remove = async () => {
    await api.DELETE('/api/v1/users/{id}', { params: { path: { id: user.id }, query: { projects } } })
    for (const queryKey of [keys.users, keys.invitations, keys.projects]) void queries.invalidateQueries({ queryKey })
  }
  return (
    <Confirm
      open={open}
      onClose={onClose}
      title={<Trans>Remove <bdi>{user.username}</bdi>?</Trans>}
      consequences={[
        ['close', <Trans>The account is gone. The name and the GitHub account are free again: to keep somebody out, deactivate.</Trans>],
        ['check', <Trans>What they did keeps their name.</Trans>],
        whatOfProjects(projects),
      ]}
      more={owns && (
        <Select
          label={t`${plural(user.projects, { one: 'Their project', other: 'Their # projects' })}`}
          value={projects}
          onChange={(event) => setChosen(event.target.value)}
          options={choices}
        />
      )}
      action={<Trans>Remove</Trans>}
      danger
      {...(projects === 'delete' && { typed: user.username })}
      act={remove}
    >
      <Trans>They are signed out at once.</Trans>
    </Confirm>
  )
}

function whatOfProjects(projects: string | undefined): Consequence {
  if (projects === undefined) return ['check', <Trans>They own no projects.</Trans>]
  if (projects === 'delete') return ['slashed', <Trans>Their sites answer 404 at once, and there is no way back.</Trans>]
  return ['forward', <Trans>The sites stay up. Builds fetch with the new owner’s GitHub account; own webhooks and deploy hooks, which the former owner knows, are gone.</Trans>]
}
