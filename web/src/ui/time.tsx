/** A moment, told relative to now and kept current; the exact time is in the tooltip. */

import { useEffect, useState } from 'react'

import { TICK, useFormat } from '~/ui/format'

const listeners = new Set<() => void>()
let ticking: ReturnType<typeof setInterval> | undefined

/** One timer for all of them, none while the page is not shown. */
function everyTenSeconds(listener: () => void): () => void {
  listeners.add(listener)
  ticking ??= setInterval(() => document.hidden || listeners.forEach((each) => each()), TICK * 1_000)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) {
      clearInterval(ticking)
      ticking = undefined
    }
  }
}

function useTicks(): void {
  const [, again] = useState(0)
  useEffect(() => everyTenSeconds(() => again((count) => count + 1)), [])
}

export function Ago({ at }: { at: string }) {
  const format = useFormat()
  useTicks()
  return <time dateTime={at} title={format.dateTime(at)}>{format.ago(at)}</time>
}

/** How long something has been so: `22 days`. */
export function Span({ since }: { since: string }) {
  const format = useFormat()
  useTicks()
  return <time dateTime={since} title={format.dateTime(since)}>{format.span(since)}</time>
}

/** How long something that runs has run: counts by the second. */
export function Elapsed({ since }: { since: string }) {
  const format = useFormat()
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000)
    return () => clearInterval(timer)
  }, [])
  return <>{format.duration(Math.max(0, Math.floor((now - Date.parse(since)) / 1000)) * 1000)}</>
}
