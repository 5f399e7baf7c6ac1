/** Whether somebody can see a part of the page: figures that run are asked for only then. */

import { type RefObject, useEffect, useState } from 'react'

export function useSeen(part: RefObject<Element | null>): boolean {
  const [isSeen, setSeen] = useState(false)
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => setSeen(entries.at(-1)!.isIntersecting))
    observer.observe(part.current!)
    return () => observer.disconnect()
  }, [part])
  return isSeen
}
