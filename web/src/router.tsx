/**
 * The addresses of the dashboard. Pages come when they are gone to; what everybody needs at once (the frame, the list of
 * projects) comes with the first load. Sorting, filters and searches are part of the address.
 */

import type { QueryClient } from '@tanstack/react-query'
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router'

import { api } from '~/api/client'
import { keys } from '~/api/keys'
import { meQuery, setupQuery } from '~/api/queries'
import { filterOf } from '~/pages/audit/filter'
import { ownAddress } from '~/pages/entry/own-address'
import { ProjectsPage } from '~/pages/projects/page'
import { type Sort, SORTS } from '~/pages/projects/standing'
import { Failed, NotFound } from '~/shell/failed'
import { Frame } from '~/shell/frame'
import { Outside } from '~/shell/outside'
import { piece } from '~/shell/piece'
import { Loading } from '~/ui/loading'

type Context = { queries: QueryClient }

const root = createRootRouteWithContext<Context>()({ errorComponent: Failed, notFoundComponent: () => <Outside><NotFound /></Outside> })

/** Pages for people who are signed in. Others are led in, and back here afterwards. */
const inside = createRoute({
  getParentRoute: () => root,
  id: 'inside',
  component: Frame,
  errorComponent: Failed,
  pendingComponent: Loading,
  async beforeLoad({ context: { queries }, location }) {
    if (await queries.ensureQueryData(meQuery)) return
    const { done } = await queries.fetchQuery(setupQuery)
    throw done ? redirect({ to: '/login', search: { next: location.href } }) : redirect({ to: '/setup' })
  },
})

/** Pages for whoever comes by: no bar, no account. */
const outside = createRoute({ getParentRoute: () => root, id: 'outside', component: () => <Outside />, errorComponent: Failed })

const isSignedIn = () => api.GET('/api/v1/me').then(() => true, () => false)

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)

const setup = createRoute({
  getParentRoute: () => outside,
  path: '/setup',
  async beforeLoad({ context: { queries } }) {
    const { done } = await queries.fetchQuery(setupQuery)
    if (done) throw redirect({ to: '/login' })
  },
  component: lazyRouteComponent(() => piece(() => import('~/pages/entry/setup')), 'SetupPage'),
})

const login = createRoute({
  getParentRoute: () => outside,
  path: '/login',
  // `ended`: there was a session; the page that was left is kept in `next`. `problem`: the code of what went wrong at GitHub.
  validateSearch: (search: Record<string, unknown>): { next?: string; ended?: true; problem?: string } => ({
    next: text(search.next),
    ended: search.ended === true || undefined,
    problem: text(search.problem),
  }),
  async beforeLoad({ context: { queries }, search: { next } }) {
    const { done } = await queries.fetchQuery(setupQuery)
    if (!done) throw redirect({ to: '/setup' })
    // Whoever is signed in needs no sign-in. What is kept may be of a session that has ended, so the server is asked.
    if (queries.getQueryData(keys.me) !== null && (await isSignedIn())) throw redirect({ href: ownAddress(next) })
  },
  component: lazyRouteComponent(() => piece(() => import('~/pages/entry/login')), 'LoginPage'),
})

const invitation = createRoute({
  getParentRoute: () => outside,
  path: '/invite/$token',
  component: lazyRouteComponent(() => piece(() => import('~/pages/entry/invitation')), 'InvitationPage'),
})

const projects = createRoute({
  getParentRoute: () => inside,
  path: '/',
  validateSearch: (search: Record<string, unknown>): { q?: string; sort?: Sort } => ({
    q: text(search.q),
    sort: SORTS.find((sort) => sort === search.sort),
  }),
  component: ProjectsPage,
})

const newProject = createRoute({
  getParentRoute: () => inside,
  path: '/new',
  component: lazyRouteComponent(() => piece(() => import('~/pages/new/page')), 'NewProjectPage'),
})

const project = createRoute({
  getParentRoute: () => inside,
  path: '/projects/$project',
  component: lazyRouteComponent(() => piece(() => import('~/pages/project/page')), 'ProjectPage'),
})

const builds = createRoute({
  getParentRoute: () => inside,
  path: '/projects/$project/builds',
  validateSearch: (search: Record<string, unknown>): { branch?: string; status?: string } => ({ branch: text(search.branch), status: text(search.status) }),
  component: lazyRouteComponent(() => piece(() => import('~/pages/builds/page')), 'BuildsPage'),
})

const service = createRoute({
  getParentRoute: () => inside,
  path: '/projects/$project/services/$service',
  // Of the preview of which branch it is, if it is one's; and what of its log is shown.
  validateSearch: (search: Record<string, unknown>): { preview?: string; q?: string; stream?: 'stdout' | 'stderr'; replica?: number } => ({
    preview: text(search.preview),
    q: text(search.q),
    stream: search.stream === 'stdout' || search.stream === 'stderr' ? search.stream : undefined,
    replica: typeof search.replica === 'number' && search.replica > 0 ? search.replica : undefined,
  }),
  component: lazyRouteComponent(() => piece(() => import('~/pages/service/page')), 'ServicePage'),
})

const run = createRoute({
  getParentRoute: () => inside,
  path: '/projects/$project/runs/$run',
  validateSearch: (search: Record<string, unknown>): { q?: string } => ({ q: text(search.q) }),
  component: lazyRouteComponent(() => piece(() => import('~/pages/run/page')), 'RunPage'),
})

const settings = createRoute({
  getParentRoute: () => inside,
  path: '/projects/$project/settings/{-$section}',
  component: lazyRouteComponent(() => piece(() => import('~/pages/settings/page')), 'SettingsPage'),
})

const build = createRoute({
  getParentRoute: () => inside,
  path: '/builds/$build',
  // The line that is linked to is the fragment: #L12 or #L12-L20.
  validateSearch: (search: Record<string, unknown>): { step?: string; q?: string } => ({ step: text(search.step), q: text(search.q) }),
  component: lazyRouteComponent(() => piece(() => import('~/pages/build/page')), 'BuildPage'),
})

const account = createRoute({
  getParentRoute: () => inside,
  path: '/account',
  // Somebody wanted to connect GitHub, and this code is why they are here without it.
  validateSearch: (search: Record<string, unknown>): { problem?: string } => ({ problem: text(search.problem) }),
  component: lazyRouteComponent(() => piece(() => import('~/pages/account/page')), 'AccountPage'),
})

const users = createRoute({
  getParentRoute: () => inside,
  path: '/users',
  component: lazyRouteComponent(() => piece(() => import('~/pages/users/page')), 'UsersPage'),
})

const system = createRoute({
  getParentRoute: () => inside,
  path: '/system',
  component: lazyRouteComponent(() => piece(() => import('~/pages/system/page')), 'SystemPage'),
})

const audit = createRoute({
  getParentRoute: () => inside,
  path: '/audit',
  validateSearch: filterOf,
  component: lazyRouteComponent(() => piece(() => import('~/pages/audit/page')), 'AuditPage'),
})

const tree = root.addChildren([
  outside.addChildren([setup, login, invitation]),
  inside.addChildren([projects, newProject, project, builds, service, run, settings, build, account, users, audit, system]),
])

export function routerOf(queries: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { queries },
    defaultPreload: 'intent',
    defaultPendingComponent: Loading,
    defaultErrorComponent: Failed,
    defaultNotFoundComponent: NotFound,
    scrollRestoration: true,
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof routerOf>
  }
}
