/** Nothing is deployed yet: what is under way, or what to do. */

import { Trans, useLingui } from '@lingui/react/macro'

import { ask } from '~/actions/ask'
import { isRefused, isUnderWay, useStateOf } from '~/actions/cancel'
import { Host } from '~/actions/names'
import type { Schema } from '~/api/client'
import { Button, LinkButton } from '~/ui/button'
import { State } from '~/ui/state'
import { FolderSteps } from './folder'
import { Drawn } from './miniature'

export function NothingLive({ project }: { project: Schema['ProjectBody'] }) {
  const { t } = useLingui()
  const stateOf = useStateOf()
  const latest = project.latestBuild
  const host = <Host url={project.url} />
  return (
    <section aria-label={t`Production`} className="panel grid overflow-clip sm:grid-cols-[min(312px,38%)_minmax(0,1fr)]">
      <Drawn icon={project.repoUrl ? 'branch' : 'folder'} />
      <div className="flex min-w-0 flex-col items-start gap-3 p-4 sm:px-5">
        {latest ? <State state={stateOf(latest)} /> : <State state="none" />}
        {project.repoUrl === null
          ? <p><Trans>The first folder that is deployed will be at {host}.</Trans></p>
          : latest && isUnderWay(latest)
            ? <p><Trans>The first build is under way. When it has passed, it is at {host}.</Trans></p>
            : <p><Trans>Nothing is live at {host} yet. The next build of <bdi className="mono">{project.branch}</bdi> that passes goes there.</Trans></p>}
        {project.repoUrl === null
          ? <FolderSteps project={project.name} />
          : (
            <div className="mt-auto flex flex-wrap gap-2">
              {latest && <LinkButton look="primary" to="/builds/$build" params={{ build: String(latest.id) }}>{isRefused(latest) ? <Trans>Look at it</Trans> : <Trans>Open the log</Trans>}</LinkButton>}
              {!(latest && isUnderWay(latest)) && <Button acts onClick={() => ask({ kind: 'build_newest', project: project.id })}><Trans>Build the newest commit…</Trans></Button>}
            </div>
          )}
      </div>
    </section>
  )
}
