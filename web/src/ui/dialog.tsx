/** Questions. A dialog takes the focus, gives it back to its trigger, and closes with Escape. */

import { AlertDialog } from '@base-ui/react/alert-dialog'
import { Dialog as Base } from '@base-ui/react/dialog'
import { Trans } from '@lingui/react/macro'
import { useState } from 'react'

import { messageOf } from '~/api/errors'
import { Button } from '~/ui/button'
import { Icon, type IconName } from '~/ui/icons'

/** A form or a list over the page. */
export function Dialog({ open, onClose, title, children }: { open: boolean; onClose: () => void; title: React.ReactNode; children: React.ReactNode }) {
  return (
    <Base.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Base.Portal>
        <Base.Backdrop className="backdrop" />
        <Base.Popup className="overlay dialog">
          <Base.Title className="text-lg">{title}</Base.Title>
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  )
}

export type Consequence = readonly [icon: IconName, text: React.ReactNode]

type ConfirmProps = {
  open: boolean
  onClose: () => void
  title: React.ReactNode
  /** One sentence: what visitors see afterwards. */
  children: React.ReactNode
  /** What changes, what stays, what comes next. */
  consequences: readonly Consequence[]
  /** The verb of the button. */
  action: React.ReactNode
  /** The other button, where "Keep it as it is" would not say it. */
  keep?: React.ReactNode
  danger?: boolean
  /** What is still to be chosen. */
  more?: React.ReactNode
  /** A name that has to be typed first. */
  typed?: string
  act: () => Promise<unknown>
}

/** A change that is named with its consequences before it happens. What goes wrong is said here, and it stays open. */
export function Confirm({ open, onClose, title, children, consequences, action, keep, danger = false, more, typed, act }: ConfirmProps) {
  const [problem, setProblem] = useState<string>()
  const [pending, setPending] = useState(false)
  const [text, setText] = useState('')
  const close = () => {
    setProblem(undefined)
    setText('')
    onClose()
  }
  const run = async (event: React.FormEvent) => {
    event.preventDefault()
    if (pending || (typed !== undefined && text !== typed)) return
    setPending(true)
    setProblem(undefined)
    try {
      await act()
      close()
    } catch (error) {
      setProblem(messageOf(error))
    } finally {
      setPending(false)
    }
  }
  return (
    <AlertDialog.Root open={open} onOpenChange={(next) => !next && close()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="backdrop" />
        <AlertDialog.Popup className="overlay dialog">
          <form onSubmit={run} className="contents">
            <AlertDialog.Title className="text-lg">{title}</AlertDialog.Title>
            <AlertDialog.Description className="text-muted">{children}</AlertDialog.Description>
            <ul className="grid gap-1.5">
              {consequences.map(([icon, line], index) => (
                <li key={index} className="flex items-start gap-2 text-sm text-muted"><Icon name={icon} className="mt-px" /><span className="min-w-0">{line}</span></li>
              ))}
            </ul>
            {more}
            {typed !== undefined && (
              <label className="grid gap-1 text-sm">
                <span><Trans>To confirm, type <bdi className="mono font-semibold">{typed}</bdi></Trans></span>
                <input className="input" dir="ltr" autoComplete="off" autoCapitalize="off" spellCheck={false} value={text} onChange={(event) => setText(event.target.value)} />
              </label>
            )}
            {problem && <p className="text-sm text-fail" role="alert">{problem}</p>}
            <div className="flex flex-wrap justify-end gap-2">
              <Button look="quiet" onClick={close}>{keep ?? <Trans>Keep it as it is</Trans>}</Button>
              <Button type="submit" acts look={danger ? 'danger primary' : 'primary'} pending={pending} disabled={typed !== undefined && text !== typed}>{action}</Button>
            </div>
          </form>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  )
}
