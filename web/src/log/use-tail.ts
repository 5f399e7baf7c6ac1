/** Ties the parts of a service's log together for as long as it is shown with one filter: store, feed and view live outside React. */

import { useEffect, useEffectEvent, useRef, useState } from 'react'

import { TailFeed, type TailState } from '~/log/tail-feed'
import { type Filter, matches, type TailOf, tailSourcesOf } from '~/log/tail-sources'
import { TailStore } from '~/log/tail-store'
import { INITIAL, wraps } from '~/log/use-log'
import { LogView } from '~/log/view'

const UNTOLD: TailState = { loaded: false, older: 'none', problem: undefined }

type Tail = { store: TailStore; view: LogView; feed: TailFeed }

export function useTail({ project, service, preview, filter, more }: TailOf & { filter: Filter; more: (characters: number) => string }) {
  const [tail, setTail] = useState<Tail>()
  const [state, setState] = useState(INITIAL)
  const [told, setTold] = useState(UNTOLD)
  const region = useRef<HTMLDivElement>(null)
  const moreOf = useEffectEvent((characters: number) => more(characters))
  const { query, stream, replica } = filter

  useEffect(() => {
    const filter = { query, stream, replica }
    const store = new TailStore((by) => view.moved(by))
    const view = new LogView(region.current!, store, { more: moreOf, changed: setState, wrap: wraps(), follow: true, picked: () => undefined })
    view.mark(query)
    const feed = new TailFeed(store, tailSourcesOf({ project, service, preview }, filter), matches(filter, preview), setTold)
    setTail({ store, view, feed })
    feed.start()
    return () => {
      feed.stop()
      view.destroy()
      setTold(UNTOLD)
      setState(INITIAL)
    }
  }, [project, service, preview, query, stream, replica])

  return { tail, state, told, region }
}
