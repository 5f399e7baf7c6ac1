/** A webhook of the project's own, for git hosts that Berth has no account at. Its secret is shown when it is made, and never again. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import { api, body, type Schema } from '~/api/client'
import { messageOf } from '~/api/errors'
import { keys } from '~/api/keys'
import { Trial } from '~/pages/settings/webhook/trial'
import { Button } from '~/ui/button'
import { Copyable, Once } from '~/ui/copy'
import { Confirm } from '~/ui/dialog'
import { Panel } from '~/ui/panel'
import { State } from '~/ui/state'

export function OwnHook({ project, own }: { project: Schema['ProjectBody']; own: Schema['OwnHookBody'] }) {
  const { t } = useLingui()
  const queries = useQueryClient()
  const [asked, setAsked] = useState<'replace' | 'remove'>()
  const path = { params: { path: { id: project.id } } }
  const refresh = () => queries.invalidateQueries({ queryKey: keys.hook(project.id) })
  const make = useMutation({ mutationFn: () => body(api.PUT('/api/v1/projects/{id}/hook', path)), onSuccess: refresh })
  const remove = async () => {
    await api.DELETE('/api/v1/projects/{id}/hook', path)
    make.reset()
    await refresh()
  }
  return (
    <Panel title={t`The project’s own webhook`} aside={own.enabled ? <State state="passed">{t`On`}</State> : <State state="none">{t`Off`}</State>}>
      <div className="grid gap-3 p-4">
        <p className="max-w-prose text-muted">
          <Trans>For Gitea, Forgejo, GitLab, or a GitHub without the OAuth application. Give the git host this address and the secret, as JSON, for pushes and pull requests.</Trans>
        </p>
        <Copyable label={t`Address of the webhook`} value={own.url} />
        {make.data && <Once label={t`The secret`} value={make.data.secret} />}
        {make.error && <p className="text-sm text-fail" role="alert">{messageOf(make.error)}</p>}
        <div className="flex flex-wrap items-center gap-2">
          {own.enabled
            ? <Button acts onClick={() => setAsked('replace')}><Trans>Replace the secret…</Trans></Button>
            : <Button acts pending={make.isPending} onClick={() => make.mutate()}><Trans>Make a secret</Trans></Button>}
          {own.enabled && <Button acts look="danger" onClick={() => setAsked('remove')}><Trans>Remove…</Trans></Button>}
          {own.enabled && <Trial project={project} />}
        </div>
      </div>
      <Confirm
        open={asked === 'replace'}
        onClose={() => setAsked(undefined)}
        title={<Trans>Replace the secret?</Trans>}
        consequences={[
          ['slashed', <Trans>Deliveries that are signed with the old one are refused from now on.</Trans>],
          ['check', <Trans>The address stays the same.</Trans>],
          ['forward', <Trans>Give the new secret to the git host: it is shown once.</Trans>],
        ]}
        action={<Trans>Replace it</Trans>}
        act={() => make.mutateAsync()}
      >
        <Trans>Pushes are not heard of until the git host has the new secret.</Trans>
      </Confirm>
      <Confirm
        open={asked === 'remove'}
        onClose={() => setAsked(undefined)}
        title={<Trans>Remove the webhook?</Trans>}
        consequences={[
          ['slashed', <Trans>Deliveries to <bdi>{own.url}</bdi> are refused from now on.</Trans>],
          ['check', <Trans>What is live stays, and so do the builds that it led to.</Trans>],
          ['forward', <Trans>Remove it at the git host, too.</Trans>],
        ]}
        action={<Trans>Remove it</Trans>}
        danger
        act={remove}
      >
        <Trans>Pushes that it announced are no longer built by themselves.</Trans>
      </Confirm>
    </Panel>
  )
}
