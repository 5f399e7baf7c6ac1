/** A labelled field of a form, with its hint and, next to it, what is wrong with it. */

import { Field as Base } from '@base-ui/react/field'
import { useId } from 'react'

type Shared = {
  label: React.ReactNode
  /** One line under the field: what it is for, or what happens when it is empty. */
  hint?: React.ReactNode
  /** What is wrong with the value, in the server's words. */
  error?: string | undefined
  className?: string
}

export function TextField({ label, hint, error, className = '', ...input }: Shared & React.ComponentProps<'input'>) {
  return (
    <Base.Root className={`grid content-start gap-1 ${className}`} invalid={Boolean(error)}>
      <Base.Label className="font-medium">{label}</Base.Label>
      <Base.Control {...input} className="input" />
      <Words hint={hint} error={error} />
    </Base.Root>
  )
}

export function TextArea({ label, hint, error, className = '', ...area }: Shared & React.ComponentProps<'textarea'>) {
  return (
    <Base.Root className={`grid content-start gap-1 ${className}`} invalid={Boolean(error)}>
      <Base.Label className="font-medium">{label}</Base.Label>
      <Base.Control render={<textarea {...area} spellCheck={false} />} className="input" />
      <Words hint={hint} error={error} />
    </Base.Root>
  )
}

export function Select({ label, hint, error, className = '', options, ...select }: Shared & React.ComponentProps<'select'> & { options: readonly (readonly [string, string])[] }) {
  const id = useId()
  return (
    <div className={`grid content-start gap-1 ${className}`}>
      <label htmlFor={id} className="font-medium">{label}</label>
      <select {...select} id={id} className="input" aria-invalid={Boolean(error)} aria-describedby={`${id}-words`}>
        {options.map(([value, text]) => <option key={value} value={value}>{text}</option>)}
      </select>
      <div id={`${id}-words`}>
        {error ? <p className="text-sm text-fail">{error}</p> : hint && <p className="text-sm text-dim">{hint}</p>}
      </div>
    </div>
  )
}

export function Checkbox({ label, hint, ...input }: Omit<Shared, 'error'> & React.ComponentProps<'input'>) {
  const id = useId()
  return (
    <div className="grid grid-cols-[24px_1fr] items-start gap-x-2">
      <input {...input} id={id} type="checkbox" className="m-1 size-4 accent-accent" aria-describedby={hint ? `${id}-hint` : undefined} />
      <label htmlFor={id} className="py-0.5">{label}</label>
      {hint && <p id={`${id}-hint`} className="col-start-2 text-sm text-dim">{hint}</p>}
    </div>
  )
}

function Words({ hint, error }: Pick<Shared, 'hint' | 'error'>) {
  return (
    <>
      {error && <p className="text-sm text-fail" role="alert">{error}</p>}
      {hint && !error && <Base.Description className="text-sm text-dim">{hint}</Base.Description>}
    </>
  )
}
