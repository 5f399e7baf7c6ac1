/** The inside of menus (menu.tsx). */

import { Menu as Base } from '@base-ui/react/menu'

import { Link, type LinkProps } from '@tanstack/react-router'

import { useOnline } from '~/shell/online'
import { Icon, type IconName } from '~/ui/icons'

type PopupProps = {
  label: string
  anchor: React.RefObject<HTMLElement | null>
  /** Where in the page it is. */
  home: HTMLElement
  open: boolean
  onOpenChange: (open: boolean) => void
  children: React.ReactNode
}

export function MenuPopup({ label, anchor, home, open, onOpenChange, children }: PopupProps) {
  return (
    <Base.Root
      open={open}
      onOpenChange={(next, { event, cancel }) => {
        // The button opens and closes it itself.
        if (!next && event.target instanceof Node && anchor.current?.contains(event.target)) cancel()
        else onOpenChange(next)
      }}
    >
      <Base.Portal container={home}>
        <Base.Positioner anchor={anchor} align="end" sideOffset={4} className="z-25">
          <Base.Popup className="overlay menu" aria-label={label} finalFocus={() => (isTaken(anchor.current) ? false : anchor.current)}>{children}</Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  )
}

/** Whether what was chosen has the focus already, a question for example: the menu is gone a moment later than it closes. */
function isTaken(anchor: HTMLElement | null): boolean {
  const over = document.activeElement?.closest('[role$="dialog"]')
  return Boolean(over && !over.contains(anchor))
}

type ItemProps = {
  icon?: IconName
  danger?: boolean
  disabled?: boolean | undefined
  /** It changes something on the server: out of order, with the reason, while there is no connection. */
  acts?: boolean
  /** The menu stays open: what follows is said in it. */
  stays?: boolean
  onClick?: () => void
  /** Leads out of the dashboard. */
  href?: string
  /** Leads to a page of it. */
  to?: LinkProps['to']
  params?: Record<string, string>
  children: React.ReactNode
}

export function MenuItem({ icon, danger, disabled, acts, stays, href, to, params, children, ...rest }: ItemProps) {
  const { online, reason } = useOnline()
  const held = acts && !online
  const look = `menu-item ${danger ? 'danger' : ''}`
  const inside = (
    <>
      {icon && <Icon name={icon} />}
      <span className="flex-1">{children}</span>
    </>
  )
  if (href !== undefined) return <Base.LinkItem closeOnClick className={look} href={href} target="_blank" rel="noreferrer">{inside}</Base.LinkItem>
  if (to !== undefined) return <Base.LinkItem closeOnClick className={look} render={<Link {...({ to, params } as LinkProps)} />}>{inside}</Base.LinkItem>
  return <Base.Item {...rest} disabled={disabled || held} title={held ? reason : undefined} closeOnClick={!stays} className={look}>{inside}</Base.Item>
}

type ChoiceProps<Value extends string> = {
  label: React.ReactNode
  value: Value
  choices: readonly (readonly [Value, React.ReactNode])[]
  onChoose: (value: Value) => void
  /** The menu stays open, for another choice. */
  stays?: boolean
}

export function MenuChoice<Value extends string>({ label, value, choices, onChoose, stays = false }: ChoiceProps<Value>) {
  return (
    <Base.Group>
      <Base.GroupLabel className="px-2.5 pt-2 pb-1 text-xs text-dim">{label}</Base.GroupLabel>
      <Base.RadioGroup value={value} onValueChange={onChoose}>
        {choices.map(([choice, text]) => (
          <Base.RadioItem key={choice} value={choice} closeOnClick={!stays} className="menu-item">
            <span className="grid size-4 place-items-center"><Base.RadioItemIndicator><Icon name="check" /></Base.RadioItemIndicator></span>
            <span className="flex-1">{text}</span>
          </Base.RadioItem>
        ))}
      </Base.RadioGroup>
    </Base.Group>
  )
}

export function MenuLine() {
  return <Base.Separator className="my-1 border-t border-line" />
}
