/** The bar that says that the connection is lost, from when the page is, and when the next try is. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'

import { tryNow, useConnection } from '~/shell/online'
import { Button } from '~/ui/button'
import { useFormat } from '~/ui/format'
import { Icon } from '~/ui/icons'

/** A connection that is back at once was no interruption worth a bar. */
const GRACE_MS = 1_200

export function ConnectionBar() {
  const { online, since, nextTry } = useConnection()
  const { i18n } = useLingui()
  useRefetchOnReturn(online)
  const time = i18n.date(since, { timeStyle: 'short' })
  return (
    <>
      {/* There before it has something to say, or it would not be read out. */}
      <p role="status" className="sr-only">{!online && <AfterGrace><Trans>Not connected. What you see is from {time}.</Trans></AfterGrace>}</p>
      {!online && (
        <AfterGrace>
          <div className="flex flex-wrap items-center gap-x-2 gap-y-1 border-b border-busy/35 bg-busy-soft px-4 py-1.5">
            <Icon name="slashed" className="text-busy" />
            <strong className="font-semibold"><Trans>Not connected.</Trans></strong>
            <span><Trans>What you see is from {time}.</Trans> {nextTry ? <Countdown until={nextTry} /> : <Trans>Trying again now.</Trans>}</span>
            <span className="flex-1" />
            <Button onClick={tryNow}><Trans>Try now</Trans></Button>
          </div>
        </AfterGrace>
      )}
    </>
  )
}

function AfterGrace({ children }: { children: React.ReactNode }) {
  const [isOver, setIsOver] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setIsOver(true), GRACE_MS)
    return () => clearTimeout(timer)
  }, [])
  return isOver && children
}

function Countdown({ until }: { until: Date }) {
  const format = useFormat()
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500)
    return () => clearInterval(timer)
  }, [])
  const rest = format.duration(Math.max(1, Math.ceil((until.getTime() - now) / 1_000)) * 1_000)
  return <Trans>Trying again in {rest}.</Trans>
}

/** What is shown may be old: everything that is on the page is fetched again once the server answers. */
function useRefetchOnReturn(online: boolean): void {
  const queries = useQueryClient()
  const was = useRef(online)
  useEffect(() => {
    // What a repository was found to be, and GitHub's lists, cost somebody else work and are no state of this server.
    const own = ({ queryKey: [name] }: { queryKey: readonly unknown[] }) => name !== 'detection' && name !== 'github'
    if (online && !was.current) void queries.invalidateQueries({ predicate: own })
    was.current = online
  }, [online, queries])
}
