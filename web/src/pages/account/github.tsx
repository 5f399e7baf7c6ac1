/** The account at GitHub, whose repositories can be connected. Absent where this Berth has no application there. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query'
import { useSearch } from '@tanstack/react-router'
import { useState } from 'react'

import { api, type Schema } from '~/api/client'
import { wordsOfCode } from '~/api/errors'
import { keys } from '~/api/keys'
import { setupQuery } from '~/api/queries'
import { Button } from '~/ui/button'
import { Confirm } from '~/ui/dialog'
import { Panel } from '~/ui/panel'
import { State } from '~/ui/state'

export function Github({ me }: { me: Schema['UserBody'] }) {
  const { t } = useLingui()
  const queries = useQueryClient()
  const { github } = useSuspenseQuery(setupQuery).data
  const problem = wordsOfCode(useSearch({ from: '/inside/account' }).problem)
  const [asked, setAsked] = useState(false)
  if (!github) return null
  const disconnect = async () => {
    await api.DELETE('/api/v1/me/github')
    await queries.invalidateQueries({ queryKey: keys.me })
  }
  const isWell = me.githubConnected && !me.githubRefused
  return (
    <Panel title="GitHub" aside={<Standing me={me} />}>
      <div id="github" tabIndex={-1} className="grid justify-items-start gap-3 p-4">
        {problem && <p className="text-sm text-fail" role="alert"><Trans>GitHub was not connected.</Trans> {problem}</p>}
        <p className="max-w-prose text-muted">
          {isWell && <Trans>Your repositories there can be connected, and Berth reports to them how builds stand.</Trans>}
          {me.githubRefused && <Trans>GitHub no longer accepts the access that it gave. Private repositories cannot be fetched and nothing is reported until you connect again. Sites stay up.</Trans>}
          {!me.githubConnected && !me.githubRefused && <Trans>Connect GitHub to choose among your repositories, private ones too, and to have pushes announced.</Trans>}
        </p>
        <div className="flex flex-wrap gap-2">
          {!isWell && <a className="button primary" href="/api/auth/github">{me.githubRefused ? <Trans>Connect again</Trans> : <Trans>Connect GitHub</Trans>}</a>}
          {me.githubConnected && <Button acts onClick={() => setAsked(true)}><Trans>Disconnect…</Trans></Button>}
        </div>
      </div>
      <Confirm
        open={asked}
        onClose={() => setAsked(false)}
        title={t`Disconnect GitHub?`}
        consequences={[
          ['slashed', <Trans>Private repositories there are no longer fetched, unless their project has an access token.</Trans>],
          ['check', <Trans>Sites stay up, and you can still sign in with GitHub.</Trans>],
          ['forward', <Trans>Commits and pull requests are not told how builds stand until you connect again.</Trans>],
        ]}
        action={<Trans>Disconnect</Trans>}
        danger
        act={disconnect}
      >
        <Trans>Berth forgets the access that GitHub gave it for your account.</Trans>
      </Confirm>
    </Panel>
  )
}

function Standing({ me }: { me: Schema['UserBody'] }) {
  if (me.githubRefused) return <State state="failed"><Trans>Refused</Trans></State>
  return me.githubConnected ? <State state="passed"><Trans>Connected</Trans></State> : <State state="none"><Trans>Not connected</Trans></State>
}
