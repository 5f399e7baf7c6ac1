/** Something to be copied: an address, or a secret that is shown this once. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useEffect, useRef, useState } from 'react'

import { Button } from '~/ui/button'

type CopyProps = { label: string; value: string; /** Takes the focus: it was just made. */ isNew?: boolean; hint?: React.ReactNode }

export function Copyable({ label, value, isNew = false, hint }: CopyProps) {
  const { t } = useLingui()
  const input = useRef<HTMLInputElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  const [said, setSaid] = useState('')
  useEffect(() => {
    if (isNew) button.current?.focus()
  }, [isNew])
  const copy = async () => {
    input.current?.select()
    try {
      await navigator.clipboard.writeText(value)
      setSaid(t`Copied.`)
    } catch {
      // Without TLS a page may not write to the clipboard.
      setSaid(t`Copy it with the keyboard: it is selected.`)
    }
  }
  return (
    <div className="grid gap-1">
      <div className="flex flex-wrap gap-2 sm:flex-nowrap">
        <input ref={input} className="input mono" dir="ltr" readOnly aria-label={label} value={value} onFocus={(event) => event.target.select()} />
        <Button ref={button} icon="copy" look={isNew ? 'primary' : 'plain'} onClick={copy} aria-label={t`Copy: ${label}`}><Trans>Copy</Trans></Button>
      </div>
      <p className="text-sm text-dim"><span role="status">{said}</span> {hint}</p>
    </div>
  )
}

/** A secret that the server says this once. */
export function Once({ label, value }: { label: string; value: string }) {
  return (
    <div className="notice busy">
      <div className="grid min-w-0 flex-1 gap-2">
        <p><strong className="font-semibold">{label}</strong> <Trans>is shown now and never again. Copy it before you leave this page.</Trans></p>
        <Copyable label={label} value={value} isNew />
      </div>
    </div>
  )
}
