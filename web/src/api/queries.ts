/** What several pages ask for. What one page alone asks for is written beside that page. */

import { queryOptions, useSuspenseQuery } from '@tanstack/react-query'

import { api, body, endSession, type Schema } from '~/api/client'
import { Refusal } from '~/api/errors'
import { keys } from '~/api/keys'

/** Who is signed in; `null`: nobody. */
export const meQuery = queryOptions({
  queryKey: keys.me,
  queryFn: ({ client }) => body(api.GET('/api/v1/me')).catch((error) => {
    if (!(error instanceof Refusal && error.status === 401)) throw error
    if (!client.getQueryData(keys.me)) return null
    // Somebody was signed in: the pages that show them stay until the sign-in is there.
    endSession()
    throw error
  }),
  staleTime: Infinity,
})

export function useMe() {
  const { data } = useSuspenseQuery(meQuery)
  if (!data) throw new Error('a page for people who are signed in was shown to nobody')
  return data
}

export const setupQuery = queryOptions({ queryKey: keys.setup, queryFn: () => body(api.GET('/api/v1/setup')), staleTime: Infinity })

const PAGE = 500

/** All of somebody's projects, as their cards show them. */
export const projectsQuery = queryOptions({
  queryKey: keys.projects,
  async queryFn({ signal }) {
    const projects: Schema['ProjectSummaryBody'][] = []
    for (;;) {
      const page = await body(api.GET('/api/v1/projects', { params: { query: { limit: PAGE, before: projects.at(-1)?.id } }, signal }))
      projects.push(...page)
      if (page.length < PAGE) return projects
    }
  },
})

/** The project that an address names. There is none: a 404, as for any other thing that is gone or somebody else's. */
export const projectNamedQuery = (name: string) =>
  queryOptions({
    queryKey: keys.projectNamed(name),
    queryFn: ({ signal }) => body(api.GET('/api/v1/projects/named/{name}', { params: { path: { name } }, signal })),
  })

export function useProject(name: string) {
  return useSuspenseQuery(projectNamedQuery(name)).data
}

export const projectQuery = (id: number) =>
  queryOptions({ queryKey: keys.project(id), queryFn: ({ signal }) => body(api.GET('/api/v1/projects/{id}', { params: { path: { id } }, signal })) })

export const buildQuery = (id: number) =>
  queryOptions({ queryKey: keys.build(id), queryFn: ({ signal }) => body(api.GET('/api/v1/builds/{id}', { params: { path: { id } }, signal })) })

/** Whether a project may take that name, and the address that it would have; an empty one is not asked for. */
export const nameQuery = (name: string) =>
  queryOptions({
    queryKey: keys.nameAvailable(name),
    queryFn: () => body(api.GET('/api/v1/projects/name-available', { params: { query: { name } } })),
    enabled: name !== '',
    staleTime: 5_000,
  })
