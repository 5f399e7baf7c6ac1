/** The end of a long list: the next rows come when it is neared, or asked for. Rows that nobody scrolls to cost nothing. */

import { Plural } from '@lingui/react/macro'
import { useEffect, useEffectEvent, useRef, useState } from 'react'

import { Button } from '~/ui/button'

/** Rows that there are at first, and that come at a time. */
const SOME = 60
/** This near the end, in pixels, is near. */
const NEAR = 1_000

/** How many rows of the list that `of` names there are by now, and asking for more. Another list begins anew. */
export function useMost(of: string): [most: number, more: () => void] {
  const [grown, setGrown] = useState({ of, most: SOME })
  const most = grown.of === of ? grown.most : SOME
  return [most, () => setGrown({ of, most: most + SOME })]
}

export function More({ remaining, onMore }: { remaining: number; onMore: () => void }) {
  const box = useRef<HTMLDivElement>(null)
  const more = useEffectEvent(onMore)
  // Each time it has moved on: where it is still near, it is told at once.
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => entry!.isIntersecting && more(), { rootMargin: `${NEAR}px` })
    observer.observe(box.current!)
    return () => observer.disconnect()
  }, [remaining])
  return <div ref={box} className="grid justify-items-center pb-6"><Button onClick={onMore}><Plural value={remaining} one="Show # more project" other="Show # more projects" /></Button></div>
}
