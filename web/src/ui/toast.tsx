/**
 * What was just done, said at the edge of the page. What can be taken back waits here for eight seconds before the server hears
 * of it; it is sent at once when the page is left. Errors are said where they belong: a toast is never their only place.
 */

import { Trans, useLingui } from '@lingui/react/macro'
import { useEffect, useRef, useSyncExternalStore } from 'react'

import { Button } from '~/ui/button'

/** Time to think, and time to read. */
const UNDO_MS = 8_000
const SAID_MS = 5_000

type Undoable = {
  /** What happened and what follows: "API_KEY is removed. The next build goes without it." */
  words: React.ReactNode
  /** Tells the server. `keepalive`: the page is being left, so the request has to outlive it. */
  send: (options: { keepalive: boolean }) => Promise<unknown>
  /** Puts back what the page shows. */
  undo: () => void
  /** The server refused: puts back what the page shows, and says why beside it. */
  refused: (error: unknown) => void
}

class Toast {
  private static made = 0
  readonly id = ++Toast.made
  private left: number
  private started = 0
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    readonly words: React.ReactNode,
    private readonly undoable?: Undoable,
  ) {
    this.left = undoable ? UNDO_MS : SAID_MS
  }

  get hasUndo(): boolean {
    return this.undoable !== undefined
  }

  run(): void {
    if (this.timer !== undefined) return
    this.started = Date.now()
    this.timer = setTimeout(() => void this.end(), this.left)
  }

  /** Nobody is hurried while reading or on the way to the button. */
  pause(): void {
    if (this.timer === undefined) return
    clearTimeout(this.timer)
    this.timer = undefined
    this.left = Math.max(1_000, this.left - (Date.now() - this.started))
  }

  async end({ keepalive = false } = {}): Promise<void> {
    this.remove()
    await this.undoable?.send({ keepalive }).catch(this.undoable.refused)
  }

  undo(): void {
    this.remove()
    this.undoable?.undo()
  }

  private remove(): void {
    clearTimeout(this.timer)
    show(shown.filter((toast) => toast !== this))
  }
}

let shown: readonly Toast[] = []
const listeners = new Set<() => void>()

function show(next: readonly Toast[]): void {
  shown = next
  for (const listener of listeners) listener()
}

function add(toast: Toast): void {
  show([...shown, toast])
  toast.run()
}

/** Says that something is done. */
export function toast(words: React.ReactNode): void {
  add(new Toast(words))
}

/** Says what was done and how to take it back; the server is told when the time for that is over. */
export function toastWithUndo(undoable: Undoable): void {
  add(new Toast(undoable.words, undoable))
}

/** Sends what still waits: before the page is left, and before somebody signs out. */
export async function sendToasts({ keepalive = false } = {}): Promise<void> {
  await Promise.all(shown.map((toast) => toast.end({ keepalive })))
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function Toasts() {
  const { t } = useLingui()
  const toasts = useSyncExternalStore(subscribe, () => shown)
  useEffect(() => {
    const leave = () => void sendToasts({ keepalive: true })
    addEventListener('pagehide', leave)
    return () => removeEventListener('pagehide', leave)
  }, [])
  useEffect(() => onUndoKey(() => shown.findLast((toast) => toast.hasUndo)), [])
  const pause = () => shown.forEach((toast) => toast.pause())
  const run = () => shown.forEach((toast) => toast.run())
  const section = useRef<HTMLElement>(null)
  // A button that goes with its toast takes the focus with it, and nothing would tell the others to go on.
  useEffect(() => {
    if (!section.current?.matches(':hover, :focus-within')) run()
  }, [toasts])
  return (
    <section
      ref={section}
      aria-label={t`Just done`}
      aria-live="polite"
      className="toasts"
      onPointerEnter={pause}
      onPointerLeave={run}
      onFocus={pause}
      onBlur={run}
    >
      {toasts.map((toast) => (
        <div key={toast.id} className="overlay toast">
          <p className="min-w-0 flex-1">{toast.words}</p>
          {toast.hasUndo && <Button look="quiet" className="text-accent" onClick={() => toast.undo()}><Trans>Undo</Trans></Button>}
          <Button look="quiet" icon="close" aria-label={t`Dismiss`} onClick={() => void toast.end()} />
        </div>
      ))}
    </section>
  )
}

/** Ctrl+Z or ⌘Z takes back what was done last; in a field it is the field's own. */
function onUndoKey(last: () => Toast | undefined): () => void {
  const heed = (event: KeyboardEvent) => {
    if (event.key !== 'z' || event.shiftKey || event.altKey || !(event.ctrlKey || event.metaKey)) return
    if (event.target instanceof Element && event.target.closest('input, textarea, select, [contenteditable]')) return
    const toast = last()
    if (!toast) return
    event.preventDefault()
    toast.undo()
  }
  document.addEventListener('keydown', heed)
  return () => document.removeEventListener('keydown', heed)
}
