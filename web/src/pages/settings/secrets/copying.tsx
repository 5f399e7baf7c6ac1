/**
 * Secrets that another project has already. What would be added and replaced is shown and chosen first; the values are copied on
 * the server, and no page ever holds one.
 */

import { plural } from '@lingui/core/macro'
import { Trans, useLingui } from '@lingui/react/macro'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'

import { api, type Schema } from '~/api/client'
import { messageOf } from '~/api/errors'
import { keys } from '~/api/keys'
import { projectsQuery } from '~/api/queries'
import { variablesQuery } from '~/pages/settings/queries'
import type { Variable } from '~/pages/settings/secrets/row'
import { useWithWaiting } from '~/pages/settings/secrets/waiting'
import { useScopes, Verb } from '~/pages/settings/secrets/words'
import { Button } from '~/ui/button'
import { Select } from '~/ui/field'
import { Form, useForm } from '~/ui/form'
import { Icon } from '~/ui/icons'
import { Panel } from '~/ui/panel'
import { sendToasts, toast } from '~/ui/toast'

type CopyingProps = { project: Schema['ProjectBody']; variables: readonly Variable[]; onDone: () => void }

export function Copying({ project, variables, onDone }: CopyingProps) {
  const { t } = useLingui()
  const queries = useQueryClient()
  const { data: projects, error } = useQuery(projectsQuery)
  const others = (projects ?? []).filter(({ id }) => id !== project.id).sort((a, b) => a.name.localeCompare(b.name))
  // What differs from the first choice: everything new, and nothing that would be replaced.
  const [turned, setTurned] = useState<ReadonlySet<number>>(new Set())
  const isThere = ({ key, scope }: Variable) => variables.some((known) => known.key === key && known.scope === scope)
  const isChosen = (variable: Variable) => isThere(variable) === turned.has(variable.id)

  const form = useForm({ from: '' }, async () => {
    if (chosen.length === 0) return
    // What was removed a moment ago, here or there, is so before anything is copied.
    await sendToasts()
    const body = { from: Number(form.values.from), variables: chosen.map(({ id }) => id) }
    await api.POST('/api/v1/projects/{id}/variables/copy', { params: { path: { id: project.id } }, body })
    await queries.invalidateQueries({ queryKey: keys.variables(project.id) })
    toast(plural(chosen.length, { one: '# secret is copied. The next build gets it.', other: '# secrets are copied. The next build gets them.' }))
    onDone()
  })
  const from = others.find(({ id }) => String(id) === form.values.from)
  const source = useQuery({ ...variablesQuery(from?.id ?? 0), enabled: from !== undefined })
  const offered = useWithWaiting(from && source.data ? source.data : [])
  const chosen = offered.filter(isChosen)
  const replaced = chosen.filter(isThere).length
  const problem = form.problem ?? (error ?? source.error ? messageOf(error ?? source.error) : undefined)

  const turn = (id: number) => setTurned((before) => new Set(before.has(id) ? [...before].filter((each) => each !== id) : [...before, id]))
  const field = form.text('from')
  return (
    <Panel title={t`Copy from another project`} aside={<span className="pe-2 text-sm text-muted max-sm:hidden"><Trans>Nothing is saved until you say so</Trans></span>}>
      <Form form={form} isNew>
        <div className="p-4">
          <Select
            {...field}
            onChange={(event) => (setTurned(new Set()), field.onChange(event))}
            className="max-w-sm"
            label={t`Project`}
            options={[['', projects && others.length === 0 ? t`There is no other project` : t`Choose a project`], ...others.map(({ id, name }) => [String(id), name] as const)]}
            hint={<Trans>Values are copied on the server: no page gets to see them.</Trans>}
          />
        </div>
        {from && source.data && (
          offered.length > 0
            ? <Offered variables={offered} isThere={isThere} isChosen={isChosen} onTurn={turn} />
            : <p className="border-t border-line px-4 py-3 text-muted"><Trans><bdi>{from.name}</bdi> has no secrets.</Trans></p>
        )}
        <div className="flex flex-wrap items-center gap-2 border-t border-line px-4 py-3">
          <p className="min-w-0 flex-1 basis-52 text-sm text-muted"><Trans>Used by the next build. Later changes over there are not copied.</Trans></p>
          {problem && <p className="basis-full text-sm text-fail" role="alert">{problem}</p>}
          <Button look="quiet" onClick={onDone}><Trans>Cancel</Trans></Button>
          <Button type="submit" acts look="primary" pending={form.phase === 'sending'} disabled={chosen.length === 0}><Verb added={chosen.length - replaced} replaced={replaced} /></Button>
        </div>
      </Form>
    </Panel>
  )
}

type OfferedProps = { variables: readonly Variable[]; isThere: (variable: Variable) => boolean; isChosen: (variable: Variable) => boolean; onTurn: (id: number) => void }

/** What the other project has, and what of it is there already. */
function Offered({ variables, isThere, isChosen, onTurn }: OfferedProps) {
  const { t } = useLingui()
  const scopes = new Map<string, string>(useScopes())
  return (
    <ul aria-label={t`What would be set`}>
      {variables.map((variable) => {
        const { id, key, kind, scope } = variable
        return (
          <li key={id} className="border-t border-line">
            <label className="grid min-h-10 grid-cols-[24px_minmax(0,1fr)_auto] items-center gap-x-3 gap-y-0.5 px-4 py-2 sm:grid-cols-[24px_minmax(0,1fr)_14rem_7rem]">
              <input type="checkbox" className="m-1 size-4 accent-accent" checked={isChosen(variable)} onChange={() => onTurn(id)} />
              <code className="cut" dir="ltr">{key}</code>
              <span className="text-sm text-muted max-sm:col-start-2 max-sm:row-start-2">
                {scopes.get(scope)}
                {kind === 'plain' && <> · <Trans>Public</Trans></>}
              </span>
              {isThere(variable)
                ? <span className="state tone-busy"><Icon name="back" /><Trans>Replace</Trans></span>
                : <span className="state tone-live"><Icon name="plus" /><Trans>Add</Trans></span>}
            </label>
          </li>
        )
      })}
    </ul>
  )
}
