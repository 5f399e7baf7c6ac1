/** A menu behind a button. What it is made of comes when the first one is opened: hundreds of rows have one. */

import { cloneElement, lazy, Suspense, useRef, useState } from 'react'

import { piece } from '~/shell/piece'
import { Icon } from '~/ui/icons'

export const menuParts = () => piece(() => import('~/ui/menu-parts'))
const MenuPopup = lazy(() => menuParts().then(({ MenuPopup }) => ({ default: MenuPopup })))

/** What can be chosen. */
export const MenuItem = lazy(() => menuParts().then(({ MenuItem }) => ({ default: MenuItem })))
/** One of several, of which one is chosen now. */
export const MenuChoice = lazy(() => menuParts().then(({ MenuChoice }) => ({ default: MenuChoice })))
export const MenuLine = lazy(() => menuParts().then(({ MenuLine }) => ({ default: MenuLine })))

type TriggerProps = React.ComponentProps<'button'>

type MenuProps = {
  label: string
  trigger?: React.ReactElement<TriggerProps>
  /** A function, where many menus stand on a page of which few are opened. */
  children: React.ReactNode | (() => React.ReactNode)
}

export function Menu({ label, trigger = <button className="button quiet square"><Icon name="more" /></button>, children }: MenuProps) {
  const anchor = useRef<HTMLButtonElement>(null)
  const [open, setOpen] = useState(false)
  // The landmark or dialog of the button: the menu belongs to it, also for whoever goes by landmarks.
  const [home, setHome] = useState<HTMLElement | null>(null)
  const show = (next: boolean) => {
    setHome(anchor.current?.closest<HTMLElement>('[role="dialog"], header, main') ?? document.body)
    setOpen(next)
  }
  return (
    <>
      {cloneElement(trigger, {
        ref: anchor,
        type: 'button',
        'aria-label': label,
        'aria-haspopup': 'menu',
        'aria-expanded': open,
        onPointerEnter: () => void menuParts().catch(() => undefined),
        onClick: () => show(!open),
        onKeyDown: (event) => {
          if (event.key !== 'ArrowDown') return
          event.preventDefault()
          show(true)
        },
      })}
      {home && (
        <Suspense fallback={null}>
          <MenuPopup anchor={anchor} home={home} open={open} onOpenChange={show} label={label}>{typeof children === 'function' ? open && children() : children}</MenuPopup>
        </Suspense>
      )}
    </>
  )
}
