/** Making an API token: what it is called, what it reaches, how long it lasts. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useQueryClient } from '@tanstack/react-query'

import { api, body, type Schema } from '~/api/client'
import { keys } from '~/api/keys'
import { Button } from '~/ui/button'
import { Select, TextField } from '~/ui/field'
import { Form, SaveBar, useForm } from '~/ui/form'

const DAY = 86_400

type Props = { projects: readonly Schema['ProjectSummaryBody'][]; onMade: (token: Schema['MadeApiTokenBody']) => void; onCancel: () => void }

export function Making({ projects, onMade, onCancel }: Props) {
  const { t } = useLingui()
  const queries = useQueryClient()
  const form = useForm({ name: '', projectId: '', expiresIn: String(90 * DAY) }, async (_, { name, projectId, expiresIn }) => {
    const token = await body(api.POST('/api/v1/tokens', {
      body: { name: name.trim(), ...(projectId && { projectId: Number(projectId) }), ...(expiresIn && { expiresIn: Number(expiresIn) }) },
    }))
    void queries.invalidateQueries({ queryKey: keys.tokens })
    onMade(token)
  }, { mayBeAsItWas: true })
  return (
    <Form form={form} isNew label={t`A new token`} className="border-t border-line">
      <div className="grid gap-4 p-4 sm:grid-cols-3">
        <TextField {...form.text('name')} label={t`Name`} maxLength={100} autoComplete="off" placeholder={t`CI of the shop`} />
        <Select
          {...form.text('projectId')}
          label={t`Reaches`}
          options={[['', t`All your projects, and can make more`], ...projects.map(({ id, name }) => [String(id), t`${name} alone`] as const)]}
        />
        <Select
          {...form.text('expiresIn')}
          label={t`Lasts`}
          options={[[String(30 * DAY), t`30 days`], [String(90 * DAY), t`90 days`], [String(365 * DAY), t`A year`], ['', t`Until it is revoked`]]}
        />
      </div>
      <SaveBar form={form} action={<Trans>Make it</Trans>} aside={<Button look="quiet" onClick={onCancel}><Trans>Cancel</Trans></Button>}>
        <Trans>It is shown once.</Trans>
      </SaveBar>
    </Form>
  )
}
