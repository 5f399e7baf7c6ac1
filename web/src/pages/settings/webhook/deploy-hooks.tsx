/** Addresses that queue a build whenever they are called. Whoever knows one can call it, so each is shown once. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { api, body, type Schema } from '~/api/client'
import { keys } from '~/api/keys'
import { deployHooksQuery } from '~/pages/settings/queries'
import { Button } from '~/ui/button'
import { Once } from '~/ui/copy'
import { Confirm } from '~/ui/dialog'
import { TextField } from '~/ui/field'
import { Form, SaveBar, useForm } from '~/ui/form'
import { Panel } from '~/ui/panel'
import { Ago } from '~/ui/time'

type Project = Schema['ProjectBody']
type Made = Schema['NewDeployHookBody']

export function DeployHooks({ project }: { project: Project }) {
  const { t } = useLingui()
  const hooks = useSuspenseQuery(deployHooksQuery(project.id)).data
  const [making, setMaking] = useState(false)
  const [made, setMade] = useState<Made>()
  return (
    <Panel title={t`Deploy hooks`} aside={!making && <Button acts look="quiet" icon="plus" onClick={() => setMaking(true)}><Trans>Make one</Trans></Button>}>
      <div className="grid gap-3 p-4">
        <p className="max-w-prose text-muted">
          <Trans>An address that queues a build when it is called with POST: for a content management system, a schedule, a script. Whoever knows it can call it.</Trans>
        </p>
        {made && <Once label={t`The address of ${made.name}`} value={made.url} />}
      </div>
      {making && (
        <Making
          project={project}
          onMade={(hook) => {
            setMade(hook)
            setMaking(false)
          }}
          onCancel={() => setMaking(false)}
        />
      )}
      {hooks.length > 0 && <ul>{hooks.map((hook) => <Row key={hook.id} hook={hook} project={project} />)}</ul>}
    </Panel>
  )
}

function Row({ hook, project }: { hook: Schema['DeployHookBody']; project: Project }) {
  const { t } = useLingui()
  const queries = useQueryClient()
  const [asked, setAsked] = useState(false)
  const branch = hook.branch ?? project.branch
  const revoke = async () => {
    await api.DELETE('/api/v1/deploy-hooks/{id}', { params: { path: { id: hook.id } } })
    await queries.invalidateQueries({ queryKey: keys.deployHooks(project.id) })
  }
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 border-t border-line px-4 py-2">
      <div className="min-w-0 flex-1 basis-56">
        <p className="cut" dir="auto"><span className="font-semibold">{hook.name}</span> <span className="text-muted"><Trans>builds <bdi className="mono">{branch}</bdi></Trans></span></p>
        <p className="text-sm text-dim">
          <Trans>Made <Ago at={hook.createdAt} /></Trans> · {hook.lastUsedAt ? <Trans>last called <Ago at={hook.lastUsedAt} /></Trans> : <Trans>never called</Trans>}
        </p>
      </div>
      <Button acts look="danger" aria-label={t`Revoke ${hook.name}`} onClick={() => setAsked(true)}><Trans>Revoke…</Trans></Button>
      <Confirm
        open={asked}
        onClose={() => setAsked(false)}
        title={<Trans>Revoke <bdi>{hook.name}</bdi>?</Trans>}
        consequences={[
          ['slashed', <Trans>Its address answers 404 at once.</Trans>],
          ['check', <Trans>Builds that it asked for stay.</Trans>],
        ]}
        action={<Trans>Revoke it</Trans>}
        danger
        act={revoke}
      >
        <Trans>Whatever calls it can no longer start builds.</Trans>
      </Confirm>
    </li>
  )
}

function Making({ project, onMade, onCancel }: { project: Project; onMade: (hook: Made) => void; onCancel: () => void }) {
  const { t } = useLingui()
  const queries = useQueryClient()
  const form = useForm({ name: '', branch: '' }, async (_, { name, branch }) => {
    const answer = api.POST('/api/v1/projects/{id}/deploy-hooks', {
      params: { path: { id: project.id } },
      body: { name: name.trim(), branch: branch.trim() || null },
    })
    const hook = await body(answer)
    void queries.invalidateQueries({ queryKey: keys.deployHooks(project.id) })
    onMade(hook)
  }, { mayBeAsItWas: true })
  return (
    <Form form={form} isNew label={t`A new deploy hook`} className="border-t border-line">
      <div className="grid gap-4 p-4 sm:grid-cols-2">
        <TextField {...form.text('name')} label={t`What calls it`} maxLength={100} placeholder={t`the newsroom`} autoComplete="off" />
        <TextField
          {...form.text('branch')}
          dir="ltr"
          autoCapitalize="off"
          autoComplete="off"
          spellCheck={false}
          label={t`Branch`}
          placeholder={project.branch}
          hint={<Trans>Another one than the project’s needs previews.</Trans>}
        />
      </div>
      <SaveBar form={form} action={<Trans>Make it</Trans>} aside={<Button look="quiet" onClick={onCancel}><Trans>Cancel</Trans></Button>}>
        <Trans>Its address is shown once.</Trans>
      </SaveBar>
    </Form>
  )
}
