/** API tokens: what programs send instead of signing in. A token is shown when it is made, and never again. */

import { Trans, useLingui } from '@lingui/react/macro'
import { queryOptions, useQueryClient, useSuspenseQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { api, body, type Schema } from '~/api/client'
import { keys } from '~/api/keys'
import { projectsQuery } from '~/api/queries'
import { Making } from '~/pages/account/token-form'
import { Button } from '~/ui/button'
import { Once } from '~/ui/copy'
import { Confirm } from '~/ui/dialog'
import { Panel } from '~/ui/panel'
import { State } from '~/ui/state'
import { Ago } from '~/ui/time'

const tokensQuery = queryOptions({ queryKey: keys.tokens, queryFn: () => body(api.GET('/api/v1/tokens')) })

export function Tokens() {
  const { t } = useLingui()
  const tokens = useSuspenseQuery(tokensQuery).data
  const projects = useSuspenseQuery(projectsQuery).data
  const [making, setMaking] = useState(false)
  const [made, setMade] = useState<Schema['MadeApiTokenBody']>()
  return (
    <Panel title={t`API tokens`} aside={!making && <Button acts look="quiet" icon="plus" onClick={() => setMaking(true)}><Trans>Make a token</Trans></Button>}>
      <div id="tokens" tabIndex={-1} className="grid gap-3 px-4 py-3">
        <p className="max-w-prose text-muted">
          <Trans>For programs: a CI system, a script, <code dir="ltr">berth deploy</code>. A token cannot make tokens, change accounts or administer.</Trans>
        </p>
        {made && <Once label={t`The token ${made.name}`} value={made.token} />}
      </div>
      {making && (
        <Making
          projects={projects}
          onMade={(token) => {
            setMade(token)
            setMaking(false)
          }}
          onCancel={() => setMaking(false)}
        />
      )}
      <ul>
        {tokens.map((token) => (
          <Row key={token.id} token={token} project={projects.find(({ id }) => id === token.projectId)?.name} onRevoked={() => made?.id === token.id && setMade(undefined)} />
        ))}
      </ul>
    </Panel>
  )
}

function Row({ token, project, onRevoked }: { token: Schema['ApiTokenBody']; project: string | undefined; onRevoked: () => void }) {
  const { t } = useLingui()
  const queries = useQueryClient()
  const [asked, setAsked] = useState(false)
  const revoke = async () => {
    await api.DELETE('/api/v1/tokens/{id}', { params: { path: { id: token.id } } })
    onRevoked()
    await queries.invalidateQueries({ queryKey: keys.tokens })
  }
  const reach = token.projectId === null ? t`for all your projects` : project ? t`for ${project} alone` : t`for one project alone`
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 border-t border-line px-4 py-2">
      <div className="min-w-0 flex-1 basis-56">
        <p className="cut" dir="auto"><span className="font-semibold">{token.name}</span> <code dir="ltr" className="text-muted">{token.hint}…</code></p>
        <p className="text-sm text-dim">
          <bdi>{reach}</bdi> · <Trans>made <Ago at={token.createdAt} /></Trans> · {token.lastUsedAt ? <Trans>last used <Ago at={token.lastUsedAt} /></Trans> : <Trans>never used</Trans>}
          {token.expiresAt && <> · {token.expired ? <Trans>ran out <Ago at={token.expiresAt} /></Trans> : <Trans>ends <Ago at={token.expiresAt} /></Trans>}</>}
        </p>
      </div>
      {token.expired && <State state="failed"><Trans>Ran out</Trans></State>}
      <Button acts look="danger" aria-label={t`Revoke the token ${token.name}`} onClick={() => setAsked(true)}><Trans>Revoke…</Trans></Button>
      <Confirm
        open={asked}
        onClose={() => setAsked(false)}
        title={<Trans>Revoke <bdi>{token.name}</bdi>?</Trans>}
        consequences={[
          ['slashed', <Trans>Whatever uses it is refused from the next request on.</Trans>],
          ['check', <Trans>What it deployed stays.</Trans>],
        ]}
        action={<Trans>Revoke it</Trans>}
        danger
        act={revoke}
      >
        <Trans>It cannot be brought back; make another one instead.</Trans>
      </Confirm>
    </li>
  )
}
