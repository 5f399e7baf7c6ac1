/** Where somebody is signed in, and ending it elsewhere. */

import { Trans, useLingui } from '@lingui/react/macro'
import { queryOptions, useMutation, useQueryClient, useSuspenseQuery } from '@tanstack/react-query'

import { api, body, type Schema } from '~/api/client'
import { messageOf } from '~/api/errors'
import { keys } from '~/api/keys'
import { agentOf } from '~/pages/account/agent'
import { Button } from '~/ui/button'
import { Panel } from '~/ui/panel'
import { State } from '~/ui/state'
import { Ago } from '~/ui/time'

const sessionsQuery = queryOptions({ queryKey: keys.sessions, queryFn: () => body(api.GET('/api/v1/sessions')) })

export function Sessions() {
  const { t } = useLingui()
  const queries = useQueryClient()
  const sessions = useSuspenseQuery(sessionsQuery).data
  const endOthers = useMutation({
    mutationFn: () => api.DELETE('/api/v1/sessions'),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.sessions }),
  })
  const others = sessions.filter(({ current }) => !current)
  return (
    <Panel
      title={t`Sessions`}
      aside={others.length > 0 && <Button acts look="quiet" pending={endOthers.isPending} onClick={() => endOthers.mutate()}><Trans>End all others</Trans></Button>}
    >
      <p className="max-w-prose px-4 py-3 text-muted">
        <Trans>Where you are signed in. A session ends thirty days after its last use, or within seconds when you end it here, with everything that is open in it.</Trans>
      </p>
      {endOthers.error && <p className="px-4 pb-3 text-sm text-fail" role="alert">{messageOf(endOthers.error)}</p>}
      <ul>{sessions.map((session) => <Row key={session.id} session={session} />)}</ul>
    </Panel>
  )
}

function Row({ session }: { session: Schema['SessionBody'] }) {
  const { t } = useLingui()
  const queries = useQueryClient()
  const end = useMutation({
    mutationFn: () => api.DELETE('/api/v1/sessions/{id}', { params: { path: { id: session.id } } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.sessions }),
  })
  const { browser, system } = agentOf(session.userAgent ?? '')
  const where = !session.userAgent ? t`A client without a name` : system ? t`${browser} on ${system}` : browser
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 border-t border-line px-4 py-2">
      <div className="min-w-0 flex-1 basis-56">
        <p className="cut" dir="auto">{where}</p>
        <p className="text-sm text-dim">
          {session.address && <><Trans>From <bdi>{session.address}</bdi></Trans> · </>}
          <Trans>since <Ago at={session.createdAt} /></Trans> · <Trans>last used <Ago at={session.lastUsedAt} /></Trans>
        </p>
        {end.error && <p className="text-sm text-fail" role="alert">{messageOf(end.error)}</p>}
      </div>
      {session.current
        ? <State state="passed"><Trans>This one</Trans></State>
        : <Button acts pending={end.isPending} aria-label={t`End the session: ${where}`} onClick={() => end.mutate()}><Trans>End</Trans></Button>}
    </li>
  )
}
