/** Who may see a project's sites: everybody, or whoever knows a password. It holds at once, without a build. */

import { Trans, useLingui } from '@lingui/react/macro'

import type { Schema } from '~/api/client'
import { useChangeProject } from '~/pages/settings/queries'
import { Select, TextField } from '~/ui/field'
import { Form, SaveBar, useForm } from '~/ui/form'
import { Panel } from '~/ui/panel'

type Scope = Schema['ProtectionScope'] | ''

export default function AccessSection({ project }: { project: Schema['ProjectBody'] }) {
  const { t } = useLingui()
  const change = useChangeProject(project)
  const isProtected = project.protection !== null
  const saved = { scope: project.protection?.scope ?? '', user: project.protection?.user ?? '', password: '' }
  const form = useForm(saved, (_, values) => change({ protection: protectionOf(values) }))
  const { scope } = form.values

  return (
    <Panel title={t`Password for visitors`}>
      <Form form={form}>
        <div className="grid gap-4 p-4 sm:max-w-md">
          <Select
            {...form.text('scope')}
            id="protection"
            label={t`Who may see it`}
            options={[['', t`Everybody`], ['previews', t`Everybody; previews ask for the password`], ['everything', t`Whoever knows the password`]]}
          />
          {scope !== '' && (
            <>
              <TextField {...form.text('user')} dir="ltr" autoCapitalize="off" autoComplete="off" spellCheck={false} label={t`User name`} hint={<Trans>Empty: any name will do.</Trans>} />
              <TextField
                {...form.text('password')}
                type="password"
                dir="ltr"
                autoComplete="new-password"
                label={t`Password`}
                placeholder={isProtected ? t`one is set` : ''}
                hint={isProtected ? <Trans>Empty: the one that is set stays. It is never shown.</Trans> : <Trans>At least 8 characters. Only a hash is kept: it is never shown.</Trans>}
              />
            </>
          )}
        </div>
        <SaveBar form={form}><Trans>Holds at once. Whoever is on the site is asked with the next page.</Trans></SaveBar>
      </Form>
    </Panel>
  )
}

function protectionOf({ scope, user, password }: { scope: string; user: string; password: string }): Schema['ProtectionForm'] | null {
  return scope === '' ? null : { scope: scope as Exclude<Scope, ''>, user: user.trim() || null, ...(password && { password }) }
}
