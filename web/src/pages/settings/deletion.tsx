/** The end of a project. */

import { Trans } from '@lingui/react/macro'
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

import { api, type Schema } from '~/api/client'
import { keys } from '~/api/keys'
import { Button } from '~/ui/button'
import { Confirm } from '~/ui/dialog'
import { toast } from '~/ui/toast'

export default function DeletionSection({ project }: { project: Schema['ProjectBody'] }) {
  const navigate = useNavigate()
  const queries = useQueryClient()
  const [asked, setAsked] = useState(false)
  const remove = async () => {
    await api.DELETE('/api/v1/projects/{id}', { params: { path: { id: project.id } } })
    await navigate({ to: '/' })
    void queries.invalidateQueries({ queryKey: keys.projects })
    toast(<Trans><bdi>{project.name}</bdi> and its deployments are gone. <bdi>{project.url}</bdi> answers 404.</Trans>)
  }
  return (
    <section className="panel grid justify-items-start gap-3 p-4">
      <p className="max-w-prose text-muted">
        <Trans>The site, its previews and everything that Berth keeps of this project go. This cannot be undone.</Trans>
      </p>
      <Button acts look="danger" onClick={() => setAsked(true)}><Trans>Delete <bdi>{project.name}</bdi>…</Trans></Button>
      <Confirm
        open={asked}
        onClose={() => setAsked(false)}
        title={<Trans>Delete <bdi>{project.name}</bdi>?</Trans>}
        consequences={[
          ['slashed', <Trans><bdi>{project.url}</bdi> and all its previews answer 404 at once.</Trans>],
          ['close', <Trans>Builds, deployments, logs, secrets, volumes and caches go. There is no way back.</Trans>],
          ['check', project.repoUrl
            ? <Trans>The repository <bdi>{project.repoUrl}</bdi> stays as it is. Others can take the name.</Trans>
            : <Trans>The folders on your machine stay as they are. Others can take the name.</Trans>],
        ]}
        action={<Trans>Delete it</Trans>}
        danger
        typed={project.name}
        act={remove}
      >
        <Trans>Visitors see nothing of it any more.</Trans>
      </Confirm>
    </section>
  )
}
