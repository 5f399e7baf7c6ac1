/** One setting, changed in its row. */

import { msg } from '@lingui/core/macro'
import type { MessageDescriptor } from '@lingui/core'
import { Trans, useLingui } from '@lingui/react/macro'
import { useEffect, useRef, useState } from 'react'

import type { Setting } from '~/plan/decisions'
import { Button } from '~/ui/button'
import { Checkbox, TextField } from '~/ui/field'

const HINTS: Record<Setting, MessageDescriptor> = {
  rootDirectory: msg`Where the project is, in a repository that holds several. Empty: the top.`,
  nodeVersion: msg`A version like 22. Empty: as the repository says.`,
  installCommand: msg`Empty: as detected.`,
  buildCommand: msg`Empty: as detected.`,
  outputDirectory: msg`Where the build leaves the files, seen from the root directory. Empty: as detected.`,
}

type EditorProps = {
  name: Setting
  label: string
  /** What holds without a change. */
  detected: string | undefined
  /** What it was changed to. */
  value: string | undefined
  error: string | undefined
  /** `undefined`: back to what is detected. */
  onDone: (value: string | undefined) => void
  onCancel: () => void
}

export function SettingEditor({ name, label, detected, value, error, onDone, onCancel }: EditorProps) {
  const { t, i18n } = useLingui()
  const [text, setText] = useState(value ?? '')
  const [none, setNone] = useState(name === 'buildCommand' && value === '')
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => input.current?.focus(), [])
  const done = () => onDone(none ? '' : text.trim() || undefined)
  return (
    <div className="grid gap-3">
      <TextField
        ref={input}
        label={label}
        dir="ltr"
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        placeholder={none ? t`none` : (detected ?? t`detected`)}
        disabled={none}
        value={none ? '' : text}
        hint={i18n._(HINTS[name])}
        error={error}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') return onCancel()
          if (event.key !== 'Enter' || event.metaKey || event.ctrlKey) return
          // Enter is for this field; the form is sent by its button.
          event.preventDefault()
          done()
        }}
      />
      {name === 'buildCommand' && <Checkbox label={<Trans>Build nothing: publish the files as they are</Trans>} checked={none} onChange={(event) => setNone(event.target.checked)} />}
      <div className="flex flex-wrap gap-2">
        <Button onClick={done}><Trans>Look again with this</Trans></Button>
        {value !== undefined && <Button look="quiet" onClick={() => onDone(undefined)}><Trans>Back to what was found</Trans></Button>}
        <Button look="quiet" onClick={onCancel}><Trans>Keep it as it is</Trans></Button>
      </div>
    </div>
  )
}
