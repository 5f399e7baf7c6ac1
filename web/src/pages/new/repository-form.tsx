/** The steps for a repository that was chosen, and Deploy, which opens the log. */

import { Plural, Trans } from '@lingui/react/macro'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useMemo, useState } from 'react'

import { hostOf } from '~/actions/names'
import { api, body } from '~/api/client'
import { sentence } from '~/api/errors'
import { keys } from '~/api/keys'
import { useMe } from '~/api/queries'
import { SETTINGS, type Setting } from '~/plan/decisions'
import { English } from '~/ui/english'
import { Form } from '~/ui/form'
import { useUnsaved } from '~/ui/leave'
import { toast } from '~/ui/toast'
import { AfterDeploy } from './after'
import type { Draft } from './draft'
import { type Env, parseEnv } from './env'
import { belongsNowhere, corrected } from './errors'
import { FoundStep } from './found'
import { NamingStep, useNameAnswer } from './naming'
import { detectionQuery } from './queries'
import { RepositoryStep } from './repository'
import { accessOf, type Changes, type Repository, settingsOf } from './source'
import { LAYOUT } from './step'
import { VariablesStep } from './variables'

type RepositoryFormProps = {
  repository: Repository
  draft: Draft
  /** The draft's, or the repository's. */
  name: string
  onChange: (change: Partial<Draft>) => void
  onAnother: () => void
}

export function RepositoryForm({ repository, draft, name, onChange, onAnother }: RepositoryFormProps) {
  const { branch, env: text, kinds, previews, changes } = draft
  const queries = useQueryClient()
  const navigate = useNavigate()
  const me = useMe()
  /** The branch that is looked at: as it was when it was typed to its end. */
  const [lookedAt, setLookedAt] = useState(branch)
  const [error, setError] = useState<unknown>()
  const [pending, setPending] = useState(false)

  const env = useMemo(() => withKinds(parseEnv(text), kinds), [text, kinds])
  const looked = useQuery(detectionQuery(repository, lookedAt.trim(), changes))
  const answer = useNameAnswer(name)
  const release = useUnsaved(!pending && (text !== '' || Object.keys(changes).length > 0))
  const mayGetHook = me.githubConnected && repository.repoUrl.startsWith('https://github.com/')
  const wrong = env.remarks.filter(({ isProblem }) => isProblem).length

  /** Takes what was changed in a part of the form, whose problem is then over. */
  const mending = <T extends unknown[]>(isField: (field: string) => boolean, take: (...change: T) => void) => (...change: T) => {
    setError((error: unknown) => corrected(error, isField))
    take(...change)
  }

  const deploy = async (event: React.FormEvent) => {
    event.preventDefault()
    if (pending || wrong > 0) return
    setPending(true)
    setError(undefined)
    try {
      const variables = env.variables.map(({ key, value, kind }) => ({ key, value, kind }))
      const { build, project, note } = await body(api.POST('/api/v1/projects', {
        body: { name, ...accessOf(repository), branch: branch.trim(), previews, ...settingsOf(changes), ...(variables.length > 0 && { variables }) },
      }))
      release()
      if (note) toast(<English>{sentence(note)}</English>)
      void queries.invalidateQueries({ queryKey: keys.projects })
      await navigate(build ? { to: '/builds/$build', params: { build: String(build.id) } } : { to: '/projects/$project', params: { project: project.name } })
    } catch (error) {
      setError(error)
      setPending(false)
    }
  }

  const shown = ['name', 'branch', 'repoUrl', 'repoToken', 'repoUser', 'variables', ...SETTINGS, ...env.variables.map((_, index) => `variables[${index}]`)]
  return (
    <Form form={{ submit: deploy, error }} className={LAYOUT}>
      <div className="grid min-w-0 gap-4">
        <RepositoryStep
          repository={repository}
          branch={branch}
          onBranch={mending((field) => field === 'branch', (branch: string) => onChange({ branch }))}
          onBranchDone={() => setLookedAt(branch)}
          previews={previews}
          onPreviews={(previews) => onChange({ previews })}
          onAnother={onAnother}
          commit={looked.error ? undefined : looked.data?.commit}
          error={error}
        />
        <FoundStep looked={looked} branch={lookedAt} changes={changes} onChange={(name, value) => mending((field) => field === name, onChange)({ changes: withChange(changes, name, value) })} error={error} />
        <NamingStep number={3} name={name} onName={mending((field) => field === 'name', (name: string) => onChange({ name }))} answer={answer} error={error} />
        <VariablesStep text={text} onText={mending((field) => field.startsWith('variables'), (env: string) => onChange({ env }))} env={env} onKind={(key, kind) => onChange({ kinds: { ...kinds, [key]: kind } })} error={error} />
      </div>
      <AfterDeploy
        detection={looked.error ? undefined : looked.data}
        branch={branch}
        previews={previews}
        announced={repository.github !== undefined || (mayGetHook ? undefined : false)}
        host={answer?.url ? hostOf(answer.url) : undefined}
        variables={env.variables.length}
        hindrance={
          wrong > 0
            ? <Plural value={wrong} one="One line of the .env cannot be taken: put it right or remove it." other="# lines of the .env cannot be taken: put them right or remove them." />
            : looked.data?.refusal && <Trans>As it is now, this build would fail.</Trans>
        }
        error={belongsNowhere(error, shown)}
        pending={pending}
      />
    </Form>
  )
}

function withChange(changes: Changes, name: Setting, value: string | undefined): Changes {
  const { [name]: _, ...rest } = changes
  return value === undefined ? rest : { ...rest, [name]: value }
}

function withKinds(env: Env, kinds: Draft['kinds']): Env {
  return { ...env, variables: env.variables.map((variable) => ({ ...variable, kind: kinds[variable.key] ?? variable.kind })) }
}
