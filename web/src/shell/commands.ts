/** What the palette offers: what concerns the project of the page, the projects, the pages, this browser. */

import { useLingui } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'

import { projectsQuery, useMe } from '~/api/queries'
import { choose, type Locale, LOCALES } from '~/i18n'
import { useStateOf } from '~/actions/cancel'
import { stateOf } from '~/pages/projects/standing'
import { useProjectCommands } from '~/shell/commands-project'
import { isolated } from '~/shell/matching'
import { openOverlay } from '~/shell/overlay'
import { signOut } from '~/shell/sign-out'
import { chooseTheme } from '~/theme'
import type { IconName } from '~/ui/icons'
import { toast } from '~/ui/toast'
import { messageOf } from '~/api/errors'
import { useOnline } from '~/shell/online'

export type Command = {
  value: string
  label: string
  /** Other words that find it. */
  also?: string
  icon?: IconName
  /** Of a project. */
  state?: string
  keys?: readonly string[]
  disabled?: boolean
  run: () => void
}

export type CommandGroup = { value: string; title: string; items: readonly Command[] }

/** Projects that are offered before anything is typed. */
const FIRST_PROJECTS = 6

export function useCommands(projectsOnly: boolean, untyped: boolean): CommandGroup[] {
  const { t } = useLingui()
  const here = useProjectCommands()
  const projects = useProjects()
  const pages = usePages()
  const browser = useBrowser()
  if (projectsOnly) return [{ value: 'projects', title: t`Projects`, items: projects }]
  return [
    ...(here ? [here] : []),
    { value: 'projects', title: t`Projects`, items: untyped ? projects.slice(0, FIRST_PROJECTS) : projects },
    { value: 'pages', title: t`Go to`, items: pages },
    { value: 'browser', title: t`This browser`, items: browser },
  ]
}

function useProjects(): Command[] {
  const navigate = useNavigate()
  const buildState = useStateOf()
  const { data = [] } = useQuery(projectsQuery)
  return data.map((project) => ({
    value: `project-${project.id}`,
    label: project.name,
    also: `${project.url} ${project.repoUrl ?? ''}`,
    state: stateOf(project, buildState),
    run: () => void navigate({ to: '/projects/$project', params: { project: project.name } }),
  }))
}

function usePages(): Command[] {
  const { t } = useLingui()
  const navigate = useNavigate()
  const me = useMe()
  return [
    { value: 'new', label: t`New project`, icon: 'plus', keys: ['n'], run: () => void navigate({ to: '/new' }) },
    { value: 'all', label: t`All projects`, icon: 'forward', keys: ['g', 'p'], run: () => void navigate({ to: '/' }) },
    { value: 'account', label: t`Account`, also: t`password sessions`, icon: 'forward', run: () => void navigate({ to: '/account' }) },
    { value: 'tokens', label: t`API tokens`, icon: 'lock', run: () => void navigate({ to: '/account', hash: 'tokens' }) },
    ...(me.role === 'admin'
      ? [
          { value: 'users', label: t`Users`, also: t`invitations`, icon: 'forward' as const, run: () => void navigate({ to: '/users' }) },
          { value: 'audit', label: t`Audit log`, also: t`who changed what`, icon: 'forward' as const, run: () => void navigate({ to: '/audit' }) },
          { value: 'system', label: t`System`, also: t`version Docker disk queue`, icon: 'forward' as const, run: () => void navigate({ to: '/system' }) },
        ]
      : []),
  ]
}

function useBrowser(): Command[] {
  const { t, i18n } = useLingui()
  const { online } = useOnline()
  const themes = [['system', t`Theme: as the system`], ['light', t`Theme: light`], ['dark', t`Theme: dark`]] as const
  const languages = Object.entries(LOCALES).filter(([locale]) => locale !== i18n.locale) as [Locale, string][]
  return [
    ...themes.map(([theme, label]): Command => ({ value: `theme-${theme}`, label, icon: 'eye', run: () => chooseTheme(theme) })),
    ...languages.map(([locale, name]): Command => ({ value: `language-${locale}`, label: t`Language: ${isolated(name)}`, icon: 'forward', run: () => void choose(locale) })),
    { value: 'keys', label: t`Keyboard shortcuts`, keys: ['?'], icon: 'more', run: () => openOverlay('keys') },
    { value: 'sign-out', label: t`Sign out`, icon: 'out', disabled: !online, run: () => void signOut().catch((error: unknown) => toast(messageOf(error))) },
  ]
}
