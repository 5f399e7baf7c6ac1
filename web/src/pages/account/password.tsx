/** Another password for somebody who has one. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useQueryClient } from '@tanstack/react-query'

import { api } from '~/api/client'
import { keys } from '~/api/keys'
import { TextField } from '~/ui/field'
import { Form, SaveBar, useForm } from '~/ui/form'
import { Panel } from '~/ui/panel'

export function Password() {
  const { t } = useLingui()
  const queries = useQueryClient()
  const form = useForm({ oldPassword: '', password: '' }, async (_, values) => {
    await api.PUT('/api/v1/me/password', { body: values })
    void queries.invalidateQueries({ queryKey: keys.sessions })
  }, { mayBeAsItWas: true })
  return (
    <Panel title={t`Password`}>
      <Form form={form}>
        <div className="grid gap-4 p-4 sm:grid-cols-2">
          <TextField {...form.text('oldPassword')} type="password" dir="ltr" autoComplete="current-password" label={t`Old password`} />
          <TextField {...form.text('password')} type="password" dir="ltr" autoComplete="new-password" label={t`New password`} hint={<Trans>At least 12 characters.</Trans>} />
        </div>
        <SaveBar form={form} action={<Trans>Change it</Trans>}><Trans>Your other sessions end.</Trans></SaveBar>
      </Form>
    </Panel>
  )
}
