/**
 * What visitors see, small: the site itself in a frame. It takes no click and no focus, and is not there for screen readers, who
 * have the link beside it. Its requests are counted with those of visitors, and the panel that shows the numbers says so: what a
 * framed page loads is told by nothing from what any page loads.
 *
 * Scripts of a site run in it, so the frame has no credentials: its cookies and its storage are its own, empty at first and gone
 * with the page. A frame that the browser keeps apart by the sandbox alone would be no picture (what is loaded with `crossorigin`
 * is refused to an origin that is none) and not apart either: cookies that an answer sets for the whole domain would reach the
 * dashboard. Browsers that cannot do it show a drawing.
 */

import { useLingui } from '@lingui/react/macro'
import { useEffect, useRef, useState } from 'react'

import { Icon, type IconName } from '~/ui/icons'

declare module 'react' {
  interface IframeHTMLAttributes<T> {
    credentialless?: boolean
  }
}

/** The window that the site believes to be in. */
const WIDTH = 1280
const HEIGHT = 832

const CAN_FRAME = 'credentialless' in HTMLIFrameElement.prototype

/** `version` is another one when something else is live: the picture is made anew. */
export function Miniature({ url, version }: { url: string; version: number }) {
  return CAN_FRAME ? <Framed key={version} url={url} /> : <Drawn icon="site" />
}

function Framed({ url }: { url: string }) {
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
          credentialless
          sandbox="allow-scripts allow-same-origin"
          src={url}
          title={t`What visitors see`}
          aria-hidden="true"
          inert
          tabIndex={-1}
          loading="lazy"
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
