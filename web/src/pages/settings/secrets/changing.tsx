/** The dialog that gives a secret another value. */

import { Trans, useLingui } from '@lingui/react/macro'

import type { Schema } from '~/api/client'
import { useSetVariables } from '~/pages/settings/secrets/adding'
import type { Variable } from '~/pages/settings/secrets/row'
import { Button } from '~/ui/button'
import { Dialog } from '~/ui/dialog'
import { TextArea } from '~/ui/field'
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
