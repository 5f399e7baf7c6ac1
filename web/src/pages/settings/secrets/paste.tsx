/** A whole .env at once. What it adds, replaces and cannot take is shown first; nothing is saved until somebody says so. */

import { plural } from '@lingui/core/macro'
import { Trans, useLingui } from '@lingui/react/macro'
import { useRef, useState } from 'react'

import type { Schema } from '~/api/client'
import { messageOf } from '~/api/errors'
import { type Env, parseEnv } from '~/pages/new/env'
import { type NewVariable, useSetVariables } from '~/pages/settings/secrets/adding'
import type { Variable } from '~/pages/settings/secrets/row'
import { type Scope, useScopes, Verb } from '~/pages/settings/secrets/words'
import { Button } from '~/ui/button'
import { Select, TextArea } from '~/ui/field'
import { Form, useForm } from '~/ui/form'
import { Icon } from '~/ui/icons'
import { Panel } from '~/ui/panel'
import { toast } from '~/ui/toast'

const EXAMPLE = 'DATABASE_URL=postgres://…'

type PasteProps = { project: Schema['ProjectBody']; variables: readonly Variable[]; onDone: () => void }

export function Paste({ project, variables, onDone }: PasteProps) {
  const { t } = useLingui()
  const scopes = useScopes()
  const set = useSetVariables(project.id)
  const form = useForm({ text: '', scope: 'both' }, async (_, values) => {
    const wanted = parseEnv(values.text).variables.map(({ key, value, kind }): NewVariable => ({ key, value, kind, scope: values.scope as Scope }))
    if (wanted.length === 0 || refused.length > 0) return
    await set(wanted)
    toast(plural(wanted.length, { one: '# secret is set. The next build gets it.', other: '# secrets are set. The next build gets them.' }))
    onDone()
  })
  const { text, scope } = form.values
  const env = parseEnv(text)
  const isThere = (key: string) => variables.some((variable) => variable.key === key && variable.scope === scope)
  const replaced = env.variables.filter(({ key }) => isThere(key)).length
  const added = env.variables.length - replaced
  // All of it is set, or nothing: what is left out is left out by somebody.
  const refused = env.remarks.filter(({ isProblem }) => isProblem)
  const leaveOut = (line: number) => form.set('text', text.split('\n').filter((_, index) => index !== line - 1).join('\n'))

  return (
    <Panel title={t`Paste a .env`} aside={<span className="pe-2 text-sm text-muted max-sm:hidden"><Trans>Nothing is saved until you say so</Trans></span>}>
      <Form form={form} isNew>
        <div className="grid gap-4 p-4">
          <TextArea {...form.text('text')} rows={5} autoComplete="off" label={t`Contents of a .env file`} placeholder={EXAMPLE} />
          <div className="flex flex-wrap items-end gap-4">
            <Select {...form.text('scope')} className="basis-56" label={t`Used in`} options={scopes} />
            <OpenFile onText={(text) => form.set('text', text)} />
          </div>
        </div>
        {text.trim() !== '' && (
          <ul aria-label={t`What would be set`}>
            {env.variables.map(({ key, value, kind }) => (
              <li key={key} className={ROW}>
                {isThere(key) ? <span className="state tone-busy"><Icon name="back" /><Trans>Replace</Trans></span> : <span className="state tone-live"><Icon name="plus" /><Trans>Add</Trans></span>}
                <code className="cut" dir="ltr">{key}</code>
                <span className="text-sm text-muted">
                  {plural([...value].length, { 0: 'empty', one: '# character', other: '# characters' })}
                  {kind === 'plain' && <> · <Trans>Public</Trans></>}
                </span>
              </li>
            ))}
            <Remarks env={env} onLeaveOut={leaveOut} />
          </ul>
        )}
        <div className="flex flex-wrap items-center gap-2 border-t border-line px-4 py-3">
          <p className="min-w-0 flex-1 basis-52 text-sm text-muted"><Trans>Used by the next build.</Trans></p>
          {refused.length > 0 && <p className="basis-full text-sm text-fail" role="status">{plural(refused.length, { one: '# line cannot be taken: correct it, or leave it out.', other: '# lines cannot be taken: correct them, or leave them out.' })}</p>}
          {form.problem && <p className="basis-full text-sm text-fail" role="alert">{form.problem}</p>}
          <Button look="quiet" onClick={onDone}><Trans>Cancel</Trans></Button>
          <Button type="submit" acts look="primary" pending={form.phase === 'sending'} disabled={env.variables.length === 0 || refused.length > 0}><Verb added={added} replaced={replaced} /></Button>
        </div>
      </Form>
    </Panel>
  )
}

const ROW = 'grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-3 gap-y-0.5 border-t border-line px-4 py-2 sm:grid-cols-[7rem_minmax(0,1fr)_auto]'

/** What is not taken, by its line. */
function Remarks({ env, onLeaveOut }: { env: Env; onLeaveOut: (line: number) => void }) {
  const { i18n } = useLingui()
  return env.remarks.map(({ line, key, reason, isProblem }) => (
    <li key={`${line} ${key}`} className={ROW}>
      <span className={`state ${isProblem ? 'tone-fail' : 'tone-idle'}`}><Icon name={isProblem ? 'failed' : 'slashed'} /><Trans>Line {line}</Trans></span>
      <span className="min-w-0 text-sm max-sm:col-start-1"><code className="chip" dir="ltr">{key}</code> {i18n._(reason)}</span>
      {isProblem && <Button look="quiet" className="max-sm:col-start-2 max-sm:row-span-2 max-sm:row-start-1" onClick={() => onLeaveOut(line)}><Trans>Leave out</Trans></Button>}
    </li>
  ))
}

/** The file itself instead of its contents: it is read here and goes nowhere else. */
function OpenFile({ onText }: { onText: (text: string) => void }) {
  const input = useRef<HTMLInputElement>(null)
  const [problem, setProblem] = useState<string>()
  const read = async (file: File | undefined) => {
    setProblem(undefined)
    if (file) await file.text().then(onText, (error: unknown) => setProblem(messageOf(error)))
  }
  return (
    <>
      <Button onClick={() => input.current?.click()}><Trans>Open a file…</Trans></Button>
      <input ref={input} type="file" className="hidden" tabIndex={-1} aria-hidden="true" onChange={(event) => void read(event.target.files?.[0])} />
      {problem && <p className="text-sm text-fail" role="alert">{problem}</p>}
    </>
  )
}
