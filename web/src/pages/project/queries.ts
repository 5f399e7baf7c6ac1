/** What the page of a project asks for besides the project itself. */

import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'

import { api, body, type Schema } from '~/api/client'
import { keys } from '~/api/keys'

export type Environment = Schema['Environment']

const path = (id: number) => ({ path: { id } })

/** Rows at once. */
const PAGE = 20

/** Builds of an environment, newest first; a page more when it is asked for. */
export const historyQuery = (project: number, environment: Environment) =>
  infiniteQueryOptions({
    queryKey: keys.builds(project, { environment }),
    queryFn: ({ pageParam }) =>
      body(api.GET('/api/v1/projects/{id}/builds', { params: { ...path(project), query: { environment, limit: PAGE, before: pageParam } } })),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (page) => (page.length < PAGE ? undefined : page.at(-1)?.id),
  })

/** The newest deployments of an environment: as many as the server gives at once, which is more than it keeps files of. */
export const deploymentsQuery = (project: number, environment: Environment) =>
  queryOptions({
    queryKey: keys.deployments(project, { environment }),
    queryFn: () => body(api.GET('/api/v1/projects/{id}/deployments', { params: { ...path(project), query: { environment, limit: 100 } } })),
  })

export const heldQuery = (project: number) =>
  queryOptions({
    queryKey: keys.builds(project, { status: 'held' }),
    queryFn: () => body(api.GET('/api/v1/projects/{id}/builds', { params: { ...path(project), query: { status: 'held', limit: 100 } } })),
  })

export const previewsQuery = (project: number) =>
  queryOptions({ queryKey: keys.previews(project), queryFn: () => body(api.GET('/api/v1/projects/{id}/previews', { params: path(project) })) })

export const trafficQuery = (project: number) =>
  queryOptions({
    queryKey: keys.traffic(project),
    queryFn: () => body(api.GET('/api/v1/projects/{id}/traffic', { params: path(project) })),
    // Visitors are announced by no event: it is as old as the visit to this page.
    staleTime: 0,
  })

export const reportsQuery = (project: number) =>
  queryOptions({ queryKey: keys.reports(project), queryFn: () => body(api.GET('/api/v1/projects/{id}/reports', { params: path(project) })) })

export const variablesQuery = (project: number) =>
  queryOptions({ queryKey: keys.variables(project), queryFn: () => body(api.GET('/api/v1/projects/{id}/variables', { params: path(project) })) })
