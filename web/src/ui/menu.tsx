/** A menu behind a button. */

import { Menu as Base } from '@base-ui/react/menu'

import { Icon, type IconName } from '~/ui/icons'

export function Menu({ label, trigger, children }: { label: string; trigger?: React.ReactElement; children: React.ReactNode }) {
  return (
    <Base.Root>
      <Base.Trigger aria-label={label} {...(trigger ? { render: trigger } : { className: 'button quiet square' })}>
        {trigger ? undefined : <Icon name="more" />}
      </Base.Trigger>
      <Base.Portal>
        <Base.Positioner align="end" sideOffset={4} className="z-25">
          <Base.Popup className="overlay menu">{children}</Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  )
}

type ItemProps = { icon?: IconName; danger?: boolean; disabled?: boolean; onClick?: () => void; href?: string; children: React.ReactNode }

export function MenuItem({ icon, danger, href, children, ...rest }: ItemProps) {
  return (
    <Base.Item {...rest} className={`menu-item ${danger ? 'danger' : ''}`} {...(href ? { render: <a href={href} target="_blank" rel="noreferrer" /> } : {})}>
      {icon && <Icon name={icon} />}
      <span className="flex-1">{children}</span>
    </Base.Item>
  )
}
