/** One-off commands: a migration, a console's one line, a task. Whoever starts one is led to its log. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'

import type { DialogProps } from '~/actions/dialogs'
import { Unanswered } from '~/actions/unanswered'
import { api, body } from '~/api/client'
import { keys } from '~/api/keys'
import { projectQuery } from '~/api/queries'
import { commandOf, lineOf } from '~/services/command'
import type { Run } from '~/services/types'
import { Button } from '~/ui/button'
import { Confirm, Dialog } from '~/ui/dialog'
import { Select, TextField } from '~/ui/field'
import { Form, useForm } from '~/ui/form'

type RunProps = DialogProps & { project: number; services: readonly string[]; service?: string; line?: string }

export function RunCommand(props: RunProps) {
  const { data: project } = useQuery(projectQuery(props.project))
  if (!project) return <Unanswered open={props.open} onClose={props.onClose} about={props.project} />
  return (
    <Dialog open={props.open} onClose={props.onClose} title={<Trans>Run a command</Trans>}>
      <Asking {...props} name={project.name} />
    </Dialog>
  )
}

const EXAMPLE = 'npm run migrate'

function Asking({ project, services, service = services[0], line = '', name, onClose }: RunProps & { name: string }) {
  const { t } = useLingui()
  const queries = useQueryClient()
  const navigate = useNavigate()
  const form = useForm({ service: service ?? '', command: line }, async (_, { service, command }) => {
    if (command.trim() === '') throw new Error(t`Write the command that is to run.`)
    const run = await body(api.POST('/api/v1/projects/{id}/runs', { params: { path: { id: project } }, body: { service, command: commandOf(command) } }))
    queries.setQueryData(keys.run(project, run.id), run)
    void queries.invalidateQueries({ queryKey: keys.runs(project) })
    onClose()
    await navigate({ to: '/projects/$project/runs/$run', params: { project: name, run: String(run.id) } })
  }, { mayBeAsItWas: true })
  return (
    <Form form={form} isNew className="grid gap-4">
      <p className="text-muted"><Trans>It runs once, in a container of its own: the image, the variables, the network and the volumes are those of the service in production.</Trans></p>
      {services.length > 1 && <Select {...form.text('service')} label={t`Service`} options={services.map((service) => [service, service] as const)} />}
      <TextField {...form.text('command')} label={t`Command`} placeholder={EXAMPLE} dir="ltr" className="[&_input]:font-mono" autoComplete="off" autoCapitalize="off" spellCheck={false} hint={<Trans>As in a shell. Whoever may see this project may read it and what it writes: put no secrets in it.</Trans>} />
      {form.problem && <p className="text-sm text-fail" role="alert">{form.problem}</p>}
      <div className="flex flex-wrap justify-end gap-2">
        <Button look="quiet" onClick={onClose}><Trans>Cancel</Trans></Button>
        <Button type="submit" acts look="primary" pending={form.phase === 'sending'}><Trans>Run it</Trans></Button>
      </div>
    </Form>
  )
}

/** Shown where a command that was to be stopped was not. */
export function StopRun({ run, problem, ...dialog }: DialogProps & { run: Run; problem: string }) {
  const queries = useQueryClient()
  const line = lineOf(run.command)
  return (
    <Confirm
      {...dialog}
      title={<Trans>Command {run.id} was not stopped</Trans>}
      action={<Trans>Stop it again</Trans>}
      consequences={[
        ['slashed', <Trans>It gets ten seconds to end by itself.</Trans>],
        ['check', <Trans>What it has done by then stays done.</Trans>],
        ['forward', <Trans><bdi dir="ltr" className="mono">{line}</bdi> is not tried again.</Trans>],
      ]}
      act={async () => {
        await api.POST('/api/v1/runs/{id}/stop', { params: { path: { id: run.id } } })
        await queries.invalidateQueries({ queryKey: keys.runs(run.projectId) })
      }}
    >
      <bdi>{problem}</bdi>
    </Confirm>
  )
}
