/** The settings of a project: one section at a time, beside their names. */

import { useLingui } from '@lingui/react/macro'
import { useParams } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'

import type { Schema } from '~/api/client'
import { useProject } from '~/api/queries'
import { Arrive } from '~/pages/settings/arrive'
import { SECTIONS, type Section } from '~/pages/settings/links'
import { Navigation, useSectionName } from '~/pages/settings/navigation'
import { NotFound } from '~/shell/failed'
import { Page } from '~/shell/page'
import { piece } from '~/shell/piece'
import { LeaveGuard } from '~/ui/leave'
import { Loading } from '~/ui/loading'

type SectionProps = { project: Schema['ProjectBody'] }

const CONTENT: Record<Section, React.ComponentType<SectionProps>> = {
  build: lazy(() => piece(() => import('~/pages/settings/build/section'))),
  secrets: lazy(() => piece(() => import('~/pages/settings/secrets/section'))),
  access: lazy(() => piece(() => import('~/pages/settings/access'))),
  webhook: lazy(() => piece(() => import('~/pages/settings/webhook/section'))),
  limits: lazy(() => piece(() => import('~/pages/settings/limits'))),
  delete: lazy(() => piece(() => import('~/pages/settings/deletion'))),
}

export function SettingsPage() {
  const { t } = useLingui()
  const { project: name, section: asked = 'build' } = useParams({ from: '/inside/projects/$project/settings/{-$section}' })
  const project = useProject(name)
  const word = useSectionName()
  const section = SECTIONS.find((section) => section === asked)
  if (!section) return <NotFound />
  const Content = CONTENT[section]
  return (
    <div className="settings">
      <Navigation project={project} shown={section} />
      <div className="min-w-0">
        <Page title={t`${word(section)} · ${project.name}`} heading={word(section)}>
          <Suspense fallback={<Loading />}>
            <div key={`${project.id} ${section}`} className="grid gap-5">
              <Content project={project} />
            </div>
            <Arrive />
          </Suspense>
        </Page>
      </div>
      <LeaveGuard />
    </div>
  )
}
