/**
 * A form that is compared with what is saved: it sends what was changed and nothing else, keeps what was typed while the page
 * is refreshed around it, and puts each problem under its field.
 */

import { Trans, useLingui } from '@lingui/react/macro'
import { useEffect, useRef, useState } from 'react'

import { fieldOf, messageOf, Refusal } from '~/api/errors'
import { Button } from '~/ui/button'
import { useUnsaved } from '~/ui/leave'

type Values = Record<string, string | boolean>
type Names<V, T> = { [K in keyof V]: V[K] extends T ? K : never }[keyof V] & string

export type FormState<V extends Values> = ReturnType<typeof useForm<V>>

type Options = { /** What makes something new may be sent with its first values. */ mayBeAsItWas?: boolean }

/** `send` gets what differs from `saved`; when it is done, `saved` says so too. */
export function useForm<V extends Values>(saved: V, send: (changed: Partial<V>, values: V) => Promise<unknown>, { mayBeAsItWas = false }: Options = {}) {
  const [edits, setEdits] = useState<Partial<V>>({})
  const [error, setError] = useState<unknown>()
  const [phase, setPhase] = useState<'editing' | 'sending' | 'sent' | 'unchanged'>('editing')

  const values: V = { ...saved, ...edits }
  const changed = Object.fromEntries(Object.entries(edits).filter(([name, value]) => value !== saved[name])) as Partial<V>
  const isDirty = Object.keys(changed).length > 0
  const release = useUnsaved(isDirty && phase !== 'sending')

  const sending = useRef(false)

  const set = <K extends keyof V>(name: K, value: V[K]) => {
    setEdits((edits) => ({ ...edits, [name]: value }))
    setPhase('editing')
  }
  const discard = () => {
    release()
    setEdits({})
    setError(undefined)
    setPhase('editing')
  }
  const submit = async (event?: React.FormEvent) => {
    event?.preventDefault()
    // What is typed meanwhile ends the phase, not the sending.
    if (sending.current) return
    if (!isDirty && !mayBeAsItWas) return setPhase('unchanged')
    release()
    sending.current = true
    setPhase('sending')
    setError(undefined)
    try {
      await send(changed, values)
      setEdits((edits) => Object.fromEntries(Object.entries(edits).filter(([name, value]) => value !== values[name])) as Partial<V>)
      setPhase((phase) => (phase === 'sending' ? 'sent' : phase))
    } catch (error) {
      setError(error)
      setPhase('editing')
    } finally {
      sending.current = false
    }
  }

  return {
    values, changed, isDirty, phase, error, set, discard, submit,
    /** What a text field, a text area or a choice needs. */
    text: (name: Names<V, string>) => ({
      name,
      value: values[name] as string,
      error: fieldOf(error, name),
      onChange: (event: { target: { value: string } }) => set(name, event.target.value as V[typeof name]),
    }),
    check: (name: Names<V, boolean>) => ({
      name,
      checked: values[name] as boolean,
      onChange: (event: { target: { checked: boolean } }) => set(name, event.target.checked as V[typeof name]),
    }),
    /** What is wrong and belongs under no text field of this form. */
    problem: problemOf(error, Object.keys(saved).filter((name) => typeof saved[name] === 'string')),
  }
}

function problemOf(error: unknown, shown: readonly string[]): string | undefined {
  if (!error) return undefined
  if (!(error instanceof Refusal) || error.fields.length === 0) return messageOf(error)
  const loose = error.fields.filter(({ field }) => !shown.includes(field))
  return loose.map(({ field }) => fieldOf(error, field)).join(' ') || undefined
}

type FormProps = {
  form: { submit: (event: React.FormEvent<HTMLFormElement>) => unknown; error: unknown }
  /** It was just opened: its first field takes the focus. */
  isNew?: boolean
  className?: string
  label?: string
  children: React.ReactNode
}

/** ⌘↵ submits from anywhere in it, a text area too. The first field that is wrong takes the focus. */
export function Form({ form, isNew = false, className, label, children }: FormProps) {
  const element = useRef<HTMLFormElement>(null)
  useEffect(() => {
    if (isNew) element.current?.querySelector<HTMLElement>('input, textarea, select')?.focus()
  }, [isNew])
  useEffect(() => {
    if (form.error) element.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus()
  }, [form.error])
  useEffect(() => {
    const { current } = element
    const heed = (event: KeyboardEvent) => {
      if (event.key !== 'Enter' || !(event.metaKey || event.ctrlKey)) return
      event.preventDefault()
      current?.requestSubmit()
    }
    current?.addEventListener('keydown', heed)
    return () => current?.removeEventListener('keydown', heed)
  }, [])
  return <form ref={element} noValidate className={className} aria-label={label} onSubmit={form.submit}>{children}</form>
}

type SaveBarProps = {
  form: Pick<FormState<Values>, 'isDirty' | 'phase' | 'problem' | 'discard'>
  /** When a change takes effect. */
  children: React.ReactNode
  /** What can be done right after saving. */
  after?: React.ReactNode
  action?: React.ReactNode
  /** Beside the verb: what gives up a form that was opened. */
  aside?: React.ReactNode
}

/** The end of a form: how it stands, and saving. */
export function SaveBar({ form, children, after, action, aside }: SaveBarProps) {
  const { t } = useLingui()
  const { isDirty, phase } = form
  const word = phase === 'sent' ? t`Saved.` : phase === 'unchanged' ? t`Nothing was changed.` : isDirty ? t`Not saved yet.` : ''
  return (
    <div className="grid gap-2 border-t border-line px-4 py-3">
      {form.problem && <p className="text-sm text-fail" role="alert">{form.problem}</p>}
      <div className="flex flex-wrap items-center gap-2">
        <p className="min-w-0 flex-1 basis-52 text-sm text-muted">
          <strong className="font-semibold text-text" role="status">{word}</strong> {children}
        </p>
        {phase === 'sent' && after}
        {aside}
        {!aside && isDirty && phase !== 'sending' && <Button look="quiet" onClick={form.discard}><Trans>Discard</Trans></Button>}
        <Button type="submit" acts look={isDirty ? 'primary' : 'plain'} pending={phase === 'sending'}>{action ?? <Trans>Save</Trans>}</Button>
      </div>
    </div>
  )
}
