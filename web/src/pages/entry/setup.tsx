/** The first start: whoever holds the setup token becomes the administrator. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useSuspenseQuery } from '@tanstack/react-query'

import { api } from '~/api/client'
import { fieldOf } from '~/api/errors'
import { setupQuery } from '~/api/queries'
import { EntryForm, LoginField, PasswordField } from '~/pages/entry/form'
import { Page } from '~/shell/page'
import { TextField } from '~/ui/field'

export function SetupPage() {
  const { t } = useLingui()
  const { data: { github } } = useSuspenseQuery(setupQuery)
  return (
    <Page title={t`Set up Berth`}>
      <p className="text-muted">
        <Trans>Nobody has an account here yet. Whoever holds the setup token becomes the administrator: the server’s first lines say where it is, in the file <code className="chip">setup-token</code> of its data directory.</Trans>
      </p>
      {github && <p className="text-muted"><Trans>From then on people can sign in with GitHub as well; you connect yours on the page of your account.</Trans></p>}
      <EntryForm
        action={<Trans>Become the administrator</Trans>}
        fields={['setupToken', 'login', 'password']}
        send={({ setupToken = '', login = '', password = '' }) => api.POST('/api/v1/setup', { body: { setupToken, login, password } })}
      >
        {(error) => (
          <>
            <TextField name="setupToken" dir="ltr" label={<Trans>Setup token</Trans>} error={fieldOf(error, 'setupToken')} required autoComplete="off" autoCapitalize="off" spellCheck={false} />
            <LoginField error={error} />
            <PasswordField error={error} isNew />
          </>
        )}
      </EntryForm>
    </Page>
  )
}
