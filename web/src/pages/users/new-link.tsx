/** A link that was just made, to be handed on: it is shown this once. */

import { Trans, useLingui } from '@lingui/react/macro'

import type { Schema } from '~/api/client'
import { Copyable } from '~/ui/copy'
import { useFormat } from '~/ui/format'

export function NewLink({ link: { url, invitation } }: { link: Schema['LinkBody'] }) {
  const { t } = useLingui()
  const format = useFormat()
  const until = format.dateTime(invitation.expiresAt)
  return (
    <section className="notice busy" aria-label={t`A new link`}>
      <div className="grid min-w-0 flex-1 gap-2">
        <p>
          {invitation.passwordOf
            ? <Trans>By this link <bdi>{invitation.passwordOf}</bdi> sets a new password, once, until {until}.</Trans>
            : invitation.role === 'admin'
              ? <Trans>By this link somebody becomes an administrator, once, until {until}.</Trans>
              : <Trans>By this link somebody becomes a member, once, until {until}.</Trans>}{' '}
          <Trans>It is shown now and never again. Hand it on yourself: Berth sends no e-mail.</Trans>
        </p>
        <Copyable label={t`The link`} value={url} isNew />
      </div>
    </section>
  )
}
