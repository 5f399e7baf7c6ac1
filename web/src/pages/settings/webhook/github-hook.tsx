/** The repository's hook at GitHub: whether it announces pushes, and mending it. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useMutation, useQueryClient } from '@tanstack/react-query'

import { api, body, type Schema } from '~/api/client'
import { isServersLanguage, messageOf, sentence } from '~/api/errors'
import { keys } from '~/api/keys'
import { Original } from '~/failure/original'
import { Trial } from '~/pages/settings/webhook/trial'
import { Button } from '~/ui/button'
import { Panel } from '~/ui/panel'
import { State } from '~/ui/state'

type Props = { project: Schema['ProjectBody']; github: Schema['GithubHookBody']; /** Without a hook of the project's own, GitHub is asked to send one. */ canTest: boolean }

export function GithubHook({ project, github, canTest }: Props) {
  const { t } = useLingui()
  const queries = useQueryClient()
  const repair = useMutation({
    mutationFn: () => body(api.POST('/api/v1/projects/{id}/hook/repair', { params: { path: { id: project.id } } })),
    onSettled: () => Promise.all([keys.hook(project.id), keys.projects].map((queryKey) => queries.invalidateQueries({ queryKey }))),
  })
  const isWell = github.state === 'ok'
  const words: Record<typeof github.state, string> = {
    ok: t`Works`,
    lost: t`Gone`,
    altered: t`Altered`,
    refused: t`Not known`,
    unannounced: t`None`,
  }
  const problems: Record<Exclude<typeof github.state, 'ok'>, string> = {
    lost: t`GitHub has no such webhook any more, or does not show it.`,
    altered: t`The webhook at GitHub is not what it should be, so pushes may not be announced.`,
    refused: t`GitHub does not let Berth look at the webhook, or does not answer.`,
    unannounced: t`GitHub announces nothing of this repository.`,
  }
  return (
    <Panel title={t`GitHub’s webhook`} aside={<State state={isWell ? 'passed' : 'failed'}>{words[github.state]}</State>}>
      <div className="grid gap-3 p-4">
        <p className="max-w-prose text-muted">
          {github.state === 'ok'
            ? <Trans>GitHub announces pushes and pull requests of this repository. Projects of one repository share it.</Trans>
            : github.problem && isServersLanguage() ? <bdi>{sentence(github.problem)}</bdi> : problems[github.state]}
        </p>
        {!isWell && !isServersLanguage() && <Original words={github.problem ?? undefined} />}
        {repair.error && <p className="text-sm text-fail" role="alert">{messageOf(repair.error)}</p>}
        <div className="flex flex-wrap items-center gap-2">
          {!isWell && <Button acts look="primary" pending={repair.isPending} onClick={() => repair.mutate()}><Trans>Repair it</Trans></Button>}
          {github.hookId !== null && canTest && <Trial project={project} />}
        </div>
      </div>
    </Panel>
  )
}
