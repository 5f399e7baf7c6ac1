/** Buttons, and links that look like them. */

import { Link, type LinkProps } from '@tanstack/react-router'

import { useOnline } from '~/shell/online'
import { Icon, type IconName } from '~/ui/icons'

type Look = 'plain' | 'primary' | 'quiet' | 'danger' | 'danger primary'

type Shared = { look?: Look; icon?: IconName; className?: string }

function classes(look: Look, square: boolean, className = ''): string {
  return `button ${look === 'plain' ? '' : look} ${square ? 'square' : ''} ${className}`
}

type ButtonProps = Shared & React.ComponentProps<'button'> & {
  /** It changes something on the server: out of order, with the reason, while there is no connection. */
  acts?: boolean
  /** What it started is not finished. It stays in place, takes no second click and says so. */
  pending?: boolean
}

export function Button({ look = 'plain', icon, className, acts, pending, children, disabled, onClick, ...rest }: ButtonProps) {
  const { online, reason } = useOnline()
  const held = pending || (acts && !online)
  return (
    <button
      type="button"
      {...rest}
      title={acts && !online ? reason : rest.title}
      disabled={disabled}
      aria-disabled={held || undefined}
      aria-busy={pending || undefined}
      onClick={held ? (event) => event.preventDefault() : onClick}
      className={classes(look, !children, className)}
    >
      {pending ? <Icon name="ring" /> : icon && <Icon name={icon} />}
      <Words>{children}</Words>
    </button>
  )
}

/** Leads to a page of the dashboard. */
export function LinkButton({ look = 'plain', icon, className, children, ...to }: Shared & LinkProps & { children?: React.ReactNode; 'aria-label'?: string }) {
  return (
    <Link {...(to as LinkProps)} className={classes(look, !children, className)}>
      {icon && <Icon name={icon} />}
      <Words>{children as React.ReactNode}</Words>
    </Link>
  )
}

/** Leads out of the dashboard: to a site, or to GitHub. */
export function OutButton({ look = 'plain', className, children, ...rest }: Shared & React.ComponentProps<'a'>) {
  return (
    <a {...rest} target="_blank" rel="noreferrer" className={classes(look, false, className)}>
      <Words>{children}</Words>
      <Icon name="out" />
    </a>
  )
}

/** One box for what a button says: a name inside its sentence is no column of its own. */
function Words({ children }: { children?: React.ReactNode }) {
  return children ? <span className="min-w-0">{children}</span> : null
}
