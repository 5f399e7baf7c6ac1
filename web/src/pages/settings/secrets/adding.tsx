/** Another secret, or another value for one: the same key for the same builds is replaced. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useQueryClient } from '@tanstack/react-query'

import { api, type Schema } from '~/api/client'
import { Refusal } from '~/api/errors'
import { keys } from '~/api/keys'
import { type Kind, type Scope, useKinds, useScopes } from '~/pages/settings/secrets/words'
import { Button } from '~/ui/button'
import { Select, TextArea, TextField } from '~/ui/field'
import { Form, SaveBar, useForm } from '~/ui/form'
import { Panel } from '~/ui/panel'
import { sendToasts, toast } from '~/ui/toast'

const EXAMPLE = 'API_TOKEN'

export type NewVariable = Schema['NewVariableForm']

/** Sets variables and shows them. */
export function useSetVariables(project: number) {
  const queries = useQueryClient()
  return async (variables: NewVariable[]) => {
    // A removal that still waits for its undo would take what is set now for what it removes.
    await sendToasts()
    await api.PUT('/api/v1/projects/{id}/variables', { params: { path: { id: project } }, body: { variables } })
    await queries.invalidateQueries({ queryKey: keys.variables(project) })
  }
}

export function Adding({ project, onDone }: { project: Schema['ProjectBody']; onDone: () => void }) {
  const { t } = useLingui()
  const scopes = useScopes()
  const kinds = useKinds()
  const set = useSetVariables(project.id)
  const form = useForm({ key: '', value: '', scope: 'both', kind: 'secret' }, async (_, { key, value, scope, kind }) => {
    await set([{ key: key.trim(), value, scope: scope as Scope, kind: kind as Kind }]).catch(underKey)
    toast(<Trans><bdi className="mono">{key.trim()}</bdi> is set. The next build gets it.</Trans>)
    onDone()
  }, { mayBeAsItWas: true })
  return (
    <Panel title={t`Add a secret`}>
      <Form form={form} isNew>
        <div className="grid gap-4 p-4 sm:grid-cols-2">
          <TextField {...form.text('key')} dir="ltr" autoCapitalize="off" autoComplete="off" spellCheck={false} className="[&_input]:font-mono" label={t`Key`} placeholder={EXAMPLE} hint={<Trans>One that is there is replaced.</Trans>} />
          <Select {...form.text('scope')} label={t`Used in`} options={scopes} hint={<Trans>One for its builds alone goes before one for all.</Trans>} />
          <TextArea {...form.text('value')} rows={3} label={t`Value`} autoComplete="off" className="sm:col-span-2" />
          <Select {...form.text('kind')} label={t`What it is`} options={kinds} className="sm:col-span-2" />
        </div>
        <SaveBar form={form} action={<Trans>Add it</Trans>} aside={<Button look="quiet" onClick={onDone}><Trans>Cancel</Trans></Button>}>
          <Trans>Used by the next build.</Trans>
        </SaveBar>
      </Form>
    </Panel>
  )
}

/** The server names the place in its list; there is one here, and its key is what can be wrong. */
export function underKey(error: unknown): never {
  if (!(error instanceof Refusal)) throw error
  throw new Refusal(error.status, error.code, error.message, error.fields.map((problem) => ({ ...problem, field: 'key' })))
}
