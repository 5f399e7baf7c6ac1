/** The form of every way in: sends its fields, says next to them what is wrong, and leads to the page that was asked for. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useQueryClient } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useState } from 'react'

import { fieldOf, messageOf, Refusal } from '~/api/errors'
import { Button } from '~/ui/button'
import { TextField } from '~/ui/field'
import { Form } from '~/ui/form'

type EntryFormProps = {
  action: React.ReactNode
  /** Fields that this form shows: what is wrong with others is said above the button. */
  fields: readonly string[]
  /** Where to afterwards. */
  next?: string | undefined
  send: (values: Record<string, string>) => Promise<unknown>
  children: (error: unknown) => React.ReactNode
}

export function EntryForm({ action, fields, next = '/', send, children }: EntryFormProps) {
  const enter = useEnter()
  const [error, setError] = useState<unknown>()
  const [pending, setPending] = useState(false)
  const submit = async (event: React.FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    if (pending) return
    const given = new FormData(event.currentTarget)
    setPending(true)
    setError(undefined)
    try {
      const values = Object.fromEntries([...given].map(([name, value]) => [name, String(value)]))
      await send(values)
      await enter(next)
    } catch (error) {
      setError(error)
    } finally {
      setPending(false)
    }
  }
  const isSaidAtFields = error instanceof Refusal && error.fields.length > 0 && error.fields.every(({ field }) => fields.includes(field))
  return (
    <Form form={{ submit, error }} className="grid gap-4">
      {children(error)}
      {error !== undefined && !isSaidAtFields && <p className="text-sm text-fail" role="alert">{messageOf(error)}</p>}
      <Button type="submit" acts look="primary" pending={pending}>{action}</Button>
    </Form>
  )
}

/** Whoever came in sees nothing that was kept for whoever was here before. */
function useEnter() {
  const queries = useQueryClient()
  const { history } = useRouter()
  return (next: string) => {
    queries.clear()
    // The link of an invitation is used up, and the sign-in is no page to come back to.
    history.replace(next)
  }
}

export function LoginField({ error }: { error: unknown }) {
  return <TextField name="login" dir="ltr" label={<Trans>Login name or e-mail address</Trans>} error={fieldOf(error, 'login')} required autoComplete="username" autoCapitalize="off" spellCheck={false} />
}

export function PasswordField({ error, isNew = false }: { error: unknown; isNew?: boolean }) {
  const { t } = useLingui()
  const [isShown, setIsShown] = useState(false)
  return (
    <div className="grid gap-1">
      <TextField
        name="password"
        dir="ltr"
        type={isShown ? 'text' : 'password'}
        label={<Trans>Password</Trans>}
        hint={isNew && <Trans>At least 12 characters.</Trans>}
        error={fieldOf(error, 'password')}
        required
        autoComplete={isNew ? 'new-password' : 'current-password'}
      />
      <button type="button" aria-pressed={isShown} className="min-h-6 justify-self-start text-sm text-muted underline" onClick={() => setIsShown(!isShown)}>{isShown ? t`Hide the password` : t`Show the password`}</button>
    </div>
  )
}

/** `href` leads away from the dashboard and back. */
export function GithubButton({ href, children }: { href: string; children: React.ReactNode }) {
  return (
    <>
      <a href={href} className="button">{children}</a>
      <p className="flex items-center gap-3 text-sm text-dim before:h-px before:flex-1 before:bg-line after:h-px after:flex-1 after:bg-line"><Trans>or with a password</Trans></p>
    </>
  )
}
