/** What went wrong, with the way to where it is put right. */

import { Trans } from '@lingui/react/macro'

import { fieldOf, messageOf, Refusal } from '~/api/errors'

export function Problem({ error }: { error: unknown }) {
  const code = error instanceof Refusal ? error.code : ''
  const words = error instanceof Refusal && error.fields.length > 0 ? error.fields.map(({ field }) => fieldOf(error, field)).join(' ') : messageOf(error)
  return (
    <p className="text-sm text-fail" role="alert">
      <bdi>{words}</bdi>
      {code === 'github_reconnect' && <> <a className="link" href="/api/auth/github?redirect=/new"><Trans>Connect GitHub again</Trans></a></>}
      {code === 'github_not_connected' && <> <a className="link" href="/api/auth/github?redirect=/new"><Trans>Connect GitHub</Trans></a></>}
    </p>
  )
}
