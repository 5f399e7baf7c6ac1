/** The sections of a project's settings. What needs somebody is counted here. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'

import type { Schema } from '~/api/client'
import { deliveriesQuery, variablesQuery } from '~/pages/settings/queries'
import { SECTIONS, type Section } from '~/pages/settings/links'
import { Icon } from '~/ui/icons'

/** The words for a section: in the navigation, and as the page's title. */
export function useSectionName(): (section: Section) => string {
  const { t } = useLingui()
  const names: Record<Section, string> = {
    build: t`Build`,
    secrets: t`Secrets`,
    access: t`Access`,
    webhook: t`Webhook`,
    limits: t`Limits`,
    delete: t`Delete project`,
  }
  return (section) => names[section]
}

export function Navigation({ project, shown }: { project: Schema['ProjectBody']; shown: Section }) {
  const { t } = useLingui()
  const name = useSectionName()
  return (
    <nav aria-label={t`Settings`} className="settings-sections">
      {SECTIONS.map((section) => (
        <Link
          key={section}
          to="/projects/$project/settings/{-$section}"
          params={{ project: project.name, section }}
          aria-current={section === shown ? 'page' : undefined}
          className={section === 'delete' ? 'text-fail' : ''}
        >
          {name(section)}
          {section === 'secrets' && <VariableCount project={project.id} />}
          {section === 'webhook' && <Refusals project={project} />}
        </Link>
      ))}
    </nav>
  )
}

function VariableCount({ project }: { project: number }) {
  const { data } = useQuery(variablesQuery(project))
  return data && data.length > 0 ? <span className="text-dim">{data.length}</span> : null
}

/** Deliveries that were refused since the last one that was believed. */
function Refusals({ project }: { project: Schema['ProjectBody'] }) {
  const { data = [] } = useQuery(deliveriesQuery(project.id))
  const believed = data.findIndex(({ verdict }) => verdict !== 'rejected')
  const count = believed < 0 ? data.length : believed
  if (count === 0 && !project.webhookProblem) return null
  return (
    <span className="state tone-fail">
      <Icon name="failed" />
      {count > 0 && count}
      <span className="sr-only">{count > 0 ? <Trans>refused deliveries</Trans> : <Trans>pushes are not announced</Trans>}</span>
    </span>
  )
}
