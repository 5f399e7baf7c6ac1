/** The ways in for whoever has an account, and, where anybody may open one, the way to it. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useSuspenseQuery } from '@tanstack/react-query'
import { useSearch } from '@tanstack/react-router'
import { useState } from 'react'

import { api } from '~/api/client'
import { setupQuery } from '~/api/queries'
import { EntryForm, GithubButton, LoginField, PasswordField } from '~/pages/entry/form'
import { ownAddress } from '~/pages/entry/own-address'
import { Problem } from '~/pages/entry/problem'
import { Page } from '~/shell/page'
import { Button } from '~/ui/button'

export function LoginPage() {
  const { t } = useLingui()
  const search = useSearch({ from: '/outside/login' })
  const next = ownAddress(search.next)
  const { data: { github, registration } } = useSuspenseQuery(setupQuery)
  const [isNew, setIsNew] = useState(false)
  return (
    <Page title={isNew ? t`Open an account` : t`Sign in`}>
      <Problem code={search.problem} />
      {search.ended && <p role="status"><Trans>Your session ended. Sign in; the page is kept.</Trans></p>}
      {github && <GithubButton href={`/api/auth/github?redirect=${encodeURIComponent(next)}`}><Trans>Continue with GitHub</Trans></GithubButton>}
      {isNew ? <OpenAccount next={next} /> : <SignIn next={next} />}
      {registration && (
        <p className="flex flex-wrap items-center gap-x-2 text-muted">
          {isNew ? <Trans>You have an account already?</Trans> : <Trans>You have no account yet?</Trans>}
          <Button look="quiet" className="text-accent" onClick={() => setIsNew(!isNew)}>{isNew ? <Trans>Sign in</Trans> : <Trans>Open an account</Trans>}</Button>
        </p>
      )}
    </Page>
  )
}

function SignIn({ next }: { next: string }) {
  return (
    <EntryForm
      action={<Trans>Sign in</Trans>}
      fields={['login', 'password']}
      next={next}
      send={({ login = '', password = '' }) => api.POST('/api/v1/sessions', { body: { login, password } })}
    >
      {(error) => <><LoginField error={error} /><PasswordField error={error} /></>}
    </EntryForm>
  )
}

function OpenAccount({ next }: { next: string }) {
  return (
    <EntryForm
      action={<Trans>Open the account</Trans>}
      fields={['login', 'password']}
      next={next}
      send={({ login = '', password = '' }) => api.POST('/api/v1/users', { body: { login, password } })}
    >
      {(error) => <><LoginField error={error} /><PasswordField error={error} isNew /></>}
    </EntryForm>
  )
}
