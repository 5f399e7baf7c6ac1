/** The dialogs that change one secret: its value, its key, where it is used. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useQueryClient } from '@tanstack/react-query'

import { api, type Schema } from '~/api/client'
import { keys } from '~/api/keys'
import { underKey, useSetVariables } from '~/pages/settings/secrets/adding'
import type { Variable } from '~/pages/settings/secrets/row'
import { useLater } from '~/pages/settings/secrets/waiting'
import { type Kind, type Scope, useKinds, useScopes } from '~/pages/settings/secrets/words'
import { Button } from '~/ui/button'
import { Dialog } from '~/ui/dialog'
import { Select, TextArea, TextField } from '~/ui/field'
import { Form, type FormState, useForm } from '~/ui/form'
import { toast } from '~/ui/toast'

type Props = { open: boolean; onClose: () => void; project: Schema['ProjectBody']; variable: Variable }

export function Replacing(props: Props) {
  return (
    <Dialog open={props.open} onClose={props.onClose} title={<Trans>Replace the value of <bdi className="mono">{props.variable.key}</bdi></Trans>}>
      <Value {...props} />
    </Dialog>
  )
}

function Value({ project, variable: { key, scope, kind }, onClose }: Props) {
  const { t } = useLingui()
  const set = useSetVariables(project.id)
  const form = useForm({ value: '' }, async (_, { value }) => {
    await set([{ key, value, scope, kind }])
    toast(<Trans><bdi className="mono">{key}</bdi> has another value. The next build gets it.</Trans>)
    onClose()
  }, { mayBeAsItWas: true })
  return (
    <Asking form={form} onClose={onClose} action={<Trans>Replace it</Trans>}>
      <TextArea {...form.text('value')} rows={4} autoComplete="off" label={t`New value`} hint={<Trans>The old one is gone then. The next build gets the new one.</Trans>} />
    </Asking>
  )
}

export function Renaming(props: Props & { all: readonly Variable[] }) {
  return (
    <Dialog open={props.open} onClose={props.onClose} title={<Trans>Rename <bdi className="mono">{props.variable.key}</bdi></Trans>}>
      <Key {...props} />
    </Dialog>
  )
}

/** What can be seen to be wrong is said at once: the server hears of the name only when it can no longer be taken back. */
function Key({ project, variable, all, onClose }: Props & { all: readonly Variable[] }) {
  const { t } = useLingui()
  const later = useLater(project.id)
  const problemWith = (key: string) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) return /^\d/.test(key) ? t`A key cannot start with a digit.` : t`A key is made of letters, digits and _.`
    const isTaken = all.some((other) => other.id !== variable.id && other.key === key && other.scope === variable.scope)
    return isTaken ? t`${key} is there already, for the same builds.` : undefined
  }
  const form = useForm({ key: variable.key }, async (_, values) => {
    const key = values.key.trim()
    if (problemWith(key)) return
    later(variable.id, { key }, {
      words: <Trans><bdi className="mono">{variable.key}</bdi> is called <bdi className="mono">{key}</bdi> now. The next build gets it by that name.</Trans>,
      send: ({ keepalive }) => api.PATCH('/api/v1/variables/{id}', { params: { path: { id: variable.id } }, body: { key }, keepalive }),
    })
    onClose()
  })
  const problem = form.isDirty ? problemWith(form.values.key.trim()) : undefined
  return (
    <Asking form={form} onClose={onClose} action={<Trans>Rename it</Trans>}>
      <TextField {...form.text('key')} {...(problem && { error: problem })} dir="ltr" autoCapitalize="off" autoComplete="off" spellCheck={false} className="[&_input]:font-mono" label={t`Key`} hint={<Trans>The value stays. Builds get it by the new name.</Trans>} />
    </Asking>
  )
}

export function Scoping(props: Props) {
  return (
    <Dialog open={props.open} onClose={props.onClose} title={<Trans>Where <bdi className="mono">{props.variable.key}</bdi> is used</Trans>}>
      <Place {...props} />
    </Dialog>
  )
}

function Place({ project, variable, onClose }: Props) {
  const { t } = useLingui()
  const scopes = useScopes()
  const kinds = useKinds()
  const queries = useQueryClient()
  const saved = { scope: variable.scope as string, kind: variable.kind as string }
  const form = useForm(saved, async ({ scope, kind }) => {
    const body = { ...(scope && { scope: scope as Scope }), ...(kind && { kind: kind as Kind }) }
    await api.PATCH('/api/v1/variables/{id}', { params: { path: { id: variable.id } }, body }).catch(underKey)
    await queries.invalidateQueries({ queryKey: keys.variables(project.id) })
    onClose()
  })
  return (
    <Asking form={form} onClose={onClose} action={<Trans>Save</Trans>}>
      <Select {...form.text('scope')} label={t`Used in`} options={scopes} hint={<Trans>One for its builds alone goes before one for all.</Trans>} />
      <Select {...form.text('kind')} label={t`What it is`} options={kinds} />
    </Asking>
  )
}

type AskingProps<V extends Record<string, string | boolean>> = { form: FormState<V>; onClose: () => void; action: React.ReactNode; children: React.ReactNode }

/** A form in a dialog. */
function Asking<V extends Record<string, string | boolean>>({ form, onClose, action, children }: AskingProps<V>) {
  return (
    <Form form={form} className="grid gap-4">
      {children}
      {form.problem && <p className="text-sm text-fail" role="alert">{form.problem}</p>}
      <div className="flex flex-wrap justify-end gap-2">
        <Button look="quiet" onClick={onClose}><Trans>Cancel</Trans></Button>
        <Button type="submit" acts look="primary" pending={form.phase === 'sending'}>{action}</Button>
      </div>
    </Form>
  )
}
