/**
 * What visitors see, small: the site itself in a frame that can do nothing. It runs its scripts without an origin of its own, takes
 * no click and no focus, and is not there for screen readers, who have the link beside it. Its requests are counted with those of
 * visitors, and the panel that shows the numbers says so: what a framed page loads is told by nothing from what any page loads.
 */

import { useLingui } from '@lingui/react/macro'
import { useEffect, useRef, useState } from 'react'

import { Icon, type IconName } from '~/ui/icons'

/** The window that the site believes to be in. */
const WIDTH = 1280
const HEIGHT = 832

/** `version` is another one when something else is live: the frame is made anew. */
export function Miniature({ url, version }: { url: string; version: number }) {
  const { t } = useLingui()
  const [scale, setScale] = useState(0)
  const window = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setScale(entry!.contentRect.width / WIDTH))
    observer.observe(window.current!)
    return () => observer.disconnect()
  }, [])
  return (
    <Window ref={window}>
      {/* A site that wants no frame leaves the ground as it is. */}
      {scale > 0 && (
        <iframe
          key={version}
          src={url}
          title={t`What visitors see`}
          aria-hidden="true"
          inert
          tabIndex={-1}
          loading="lazy"
          sandbox="allow-scripts"
          referrerPolicy="no-referrer"
          className="pointer-events-none absolute inset-0 border-0"
          style={{ inlineSize: WIDTH, blockSize: HEIGHT, scale, transformOrigin: '0 0' }}
        />
      )}
    </Window>
  )
}

/** In the place of a picture where there is none. */
export function Drawn({ icon }: { icon: IconName }) {
  return (
    <Window>
      <div className="grid size-full place-items-center text-dim"><Icon name={icon} className="size-6" /></div>
    </Window>
  )
}

function Window({ children, ref }: { children: React.ReactNode; ref?: React.Ref<HTMLDivElement> }) {
  return (
    <div className="grid place-items-center border-line bg-sunken p-3 max-sm:border-b sm:border-e sm:p-4">
      {/* Sites are laid out from the left here, whatever the reader's language: the frame grows from its origin. */}
      <div ref={ref} dir="ltr" className="relative aspect-[16/10.4] w-full overflow-hidden rounded-sm border border-line bg-surface">{children}</div>
    </div>
  )
}
