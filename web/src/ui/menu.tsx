/** A menu behind a button. What it is made of comes when the first one is opened: hundreds of rows have one. */

import { cloneElement, lazy, Suspense, useRef, useState } from 'react'

import { Icon } from '~/ui/icons'

const parts = () => import('~/ui/menu-parts')
const MenuPopup = lazy(() => parts().then(({ MenuPopup }) => ({ default: MenuPopup })))

/** What can be chosen. */
export const MenuItem = lazy(() => parts().then(({ MenuItem }) => ({ default: MenuItem })))
/** One of several, of which one is chosen now. */
export const MenuChoice = lazy(() => parts().then(({ MenuChoice }) => ({ default: MenuChoice })))
export const MenuLine = lazy(() => parts().then(({ MenuLine }) => ({ default: MenuLine })))

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
  const [used, setUsed] = useState(false)
  const show = (next: boolean) => {
    setUsed(true)
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
        onPointerEnter: () => void parts(),
        onClick: () => show(!open),
        onKeyDown: (event) => {
          if (event.key !== 'ArrowDown') return
          event.preventDefault()
          show(true)
        },
      })}
      {used && (
        <Suspense fallback={null}>
          <MenuPopup anchor={anchor} open={open} onOpenChange={show} label={label}>{typeof children === 'function' ? open && children() : children}</MenuPopup>
        </Suspense>
      )}
    </>
  )
}
