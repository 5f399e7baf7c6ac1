/** Whoever holds a link: opens an account, or sets the password of the one that it is for. */

import { Trans, useLingui } from '@lingui/react/macro'
import { queryOptions, useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'

import { api, body, type Schema } from '~/api/client'
import { messageOf, Refusal } from '~/api/errors'
import { keys } from '~/api/keys'
import { meQuery } from '~/api/queries'
import { EntryForm, GithubButton, LoginField, PasswordField } from '~/pages/entry/form'
import { Page } from '~/shell/page'
import { LinkButton } from '~/ui/button'
import { useFormat } from '~/ui/format'

type Offer = Schema['OfferBody']

/** What the link offers, or why it leads nowhere. */
const offerQuery = (token: string) =>
  queryOptions({
    queryKey: keys.invitation(token),
    queryFn: () =>
      body(api.POST('/api/v1/invitations/look', { body: { token } })).catch((error: unknown) => {
        if (error instanceof Refusal && error.status > 0 && error.status < 500) return error
        throw error
      }),
    staleTime: Infinity,
  })

export function InvitationPage() {
  const { t } = useLingui()
  const { token } = useParams({ from: '/outside/invite/$token' })
  const { data: offer } = useSuspenseQuery(offerQuery(token))
  const { data: me } = useQuery(meQuery)
  if (offer instanceof Refusal) {
    return (
      <Page title={t`This link leads nowhere`}>
        <p className="text-muted">{messageOf(offer)}</p>
        <Home isSignedIn={Boolean(me)} />
      </Page>
    )
  }
  if (offer.passwordOf !== null) return <NewPassword token={token} offer={offer} login={offer.passwordOf} />
  if (me) {
    return (
      <Page title={t`You have an account`}>
        <p className="text-muted"><Trans>You are signed in as <bdi className="font-semibold">{me.username}</bdi>, so you need no invitation. It stays good for whoever it is meant for.</Trans></p>
        <Home isSignedIn />
      </Page>
    )
  }
  return <Welcome token={token} offer={offer} />
}

type FormProps = { token: string; offer: Offer }

function NewPassword({ token, offer, login }: FormProps & { login: string }) {
  const { t } = useLingui()
  return (
    <Page title={t`Set a new password`}>
      <p className="text-muted"><Trans>For the account <bdi className="font-semibold">{login}</bdi>. Where it is signed in now, it is signed out.</Trans> <Until offer={offer} /></p>
      <EntryForm
        action={<Trans>Set it and sign in</Trans>}
        fields={['password']}
        send={({ password = '' }) => api.POST('/api/v1/invitations/accept', { body: { token, password } })}
      >
        {(error) => (
          <>
            {/* For whatever keeps passwords: whose it is. */}
            <input type="text" name="username" value={login} autoComplete="username" readOnly hidden />
            <PasswordField error={error} isNew />
          </>
        )}
      </EntryForm>
    </Page>
  )
}

function Welcome({ token, offer }: FormProps) {
  const { t } = useLingui()
  return (
    <Page title={t`Welcome to Berth`}>
      <p className="text-muted">
        {offer.role === 'admin' ? <Trans>You are invited as an administrator. Choose how you want to sign in.</Trans> : <Trans>You are invited. Choose how you want to sign in.</Trans>} <Until offer={offer} />
      </p>
      {offer.github && <GithubButton href={`/api/auth/github?invitation=${encodeURIComponent(token)}`}><Trans>Continue with GitHub</Trans></GithubButton>}
      <EntryForm
        action={<Trans>Open the account</Trans>}
        fields={['login', 'password']}
        send={({ login = '', password = '' }) => api.POST('/api/v1/invitations/accept', { body: { token, login, password } })}
      >
        {(error) => <><LoginField error={error} /><PasswordField error={error} isNew /></>}
      </EntryForm>
      <p className="text-sm text-muted"><Trans>If you have an account already, sign in instead; the link stays good.</Trans></p>
      <Home isSignedIn={false} />
    </Page>
  )
}

function Until({ offer }: { offer: Offer }) {
  const format = useFormat()
  const end = format.dateTime(offer.expiresAt)
  return <Trans>The link works once, until {end}.</Trans>
}

function Home({ isSignedIn }: { isSignedIn: boolean }) {
  return (
    <p>
      {isSignedIn ? <LinkButton to="/"><Trans>Go to your projects</Trans></LinkButton> : <LinkButton to="/login"><Trans>Sign in</Trans></LinkButton>}
    </p>
  )
}
