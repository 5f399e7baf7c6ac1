/** What the palette offers for the project of the page. What visitors notice is asked about first (src/actions). */

import { useLingui } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'

import { ask } from '~/actions/ask'
import { isUnderWay, useCancel, useCancelWords } from '~/actions/cancel'
import { api, body } from '~/api/client'
import { keys } from '~/api/keys'
import { rollBackTarget } from '~/pages/project/history'
import { deploymentsQuery } from '~/pages/project/queries'
import { servicesQuery } from '~/services/queries'
import type { Command, CommandGroup } from '~/shell/commands'
import { isolated } from '~/shell/matching'
import { useOnline } from '~/shell/online'
import { useWhere } from '~/shell/where'

export function useProjectCommands(): CommandGroup | undefined {
  const { t } = useLingui()
  const navigate = useNavigate()
  const cancel = useCancel()
  const cancelWords = useCancelWords()
  const { online } = useOnline()
  const { project, build: shown } = useWhere()
  const id = project?.id ?? 0
  const asked = { enabled: project !== undefined }
  const { data: deployments = [] } = useQuery({ ...deploymentsQuery(id, 'production'), ...asked })
  const { data: previews = [] } = useQuery({
    ...asked,
    queryKey: keys.previews(id),
    queryFn: () => body(api.GET('/api/v1/projects/{id}/previews', { params: { path: { id } } })),
  })
  const { data: services = [] } = useQuery({ ...servicesQuery(id), enabled: project !== undefined && project.repoUrl !== null })
  if (!project) return undefined
  const { name, liveDeployment: live, latestBuild } = project
  const build = shown ?? latestBuild
  const before = rollBackTarget(live, deployments)
  const params = { project: name }
  const settings = (section: string, hash = '') => () => void navigate({ to: '/projects/$project/settings/{-$section}', params: { ...params, section }, hash })
  const acts = { disabled: !online }
  const items: (Command | false | null | undefined)[] = [
    live && { value: 'visit', label: t`Open the site`, icon: 'out', keys: ['v'], run: () => void window.open(project.url, '_blank', 'noreferrer') },
    latestBuild && { value: 'log', label: t`Latest log`, icon: 'forward', run: () => void navigate({ to: '/builds/$build', params: { build: String(latestBuild.id) } }) },
    build && isUnderWay(build) && { ...acts, value: 'cancel', label: cancelWords(build, live !== null), icon: 'slashed', run: () => void cancel(build) },
    before && { ...acts, value: 'back', label: t`Roll back to the version before…`, icon: 'back', run: () => ask({ kind: 'activate', deployment: before }) },
    ...previews.map(({ id, branch, liveDeployment }): Command | null => liveDeployment && {
      ...acts, value: `promote-${id}`, label: t`Promote the preview of ${isolated(branch)}…`, icon: 'up', run: () => ask({ kind: 'promote', deployment: liveDeployment }),
    }),
    project.repoUrl !== null && { ...acts, value: 'newest', label: t`Build the newest commit…`, icon: 'again', run: () => ask({ kind: 'build_newest', project: id }) },
    build && build.commit && build.status !== 'held' && !isUnderWay(build) && { ...acts, value: 'rebuild', label: t`Rebuild the same commit…`, icon: 'again', run: () => ask({ kind: 'rebuild', build }) },
    build?.status === 'held' && { ...acts, value: 'approve', label: t`Let the waiting build run…`, icon: 'lock', run: () => ask({ kind: 'approve', build }) },
    ...services.filter(({ kind }) => kind === 'running').map(({ name: service }): Command => ({
      value: `service-${service}`, label: t`Service ${isolated(service)}: its log`, icon: 'forward', run: () => void navigate({ to: '/projects/$project/services/$service', params: { ...params, service } }),
    })),
    { value: 'secret', label: t`Add a secret`, icon: 'plus', also: t`variable`, run: settings('secrets', 'add') },
    { value: 'env', label: t`Paste a .env file`, icon: 'copy', also: t`variables secrets`, run: settings('secrets', 'paste') },
    { value: 'overview', label: t`Overview`, icon: 'forward', keys: ['g', 'o'], run: () => void navigate({ to: '/projects/$project', params }) },
    { value: 'builds', label: t`Builds`, icon: 'forward', keys: ['g', 'b'], run: () => void navigate({ to: '/projects/$project/builds', params }) },
    { value: 'settings', label: t`Settings`, icon: 'forward', keys: ['g', 's'], run: settings('build') },
  ]
  return { value: 'here', title: name, items: items.filter((item) => !!item) }
}
