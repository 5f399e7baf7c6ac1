/** What several pages ask for. What one page alone asks for is written beside that page. */

import { queryOptions, useSuspenseQuery } from '@tanstack/react-query'

import { api, body } from '~/api/client'
import { Refusal, refusal } from '~/api/errors'
import { keys } from '~/api/keys'

/** Who is signed in; `null`: nobody. */
export const meQuery = queryOptions({
  queryKey: keys.me,
  queryFn: () => body(api.GET('/api/v1/me')).catch((error) => {
    if (error instanceof Refusal && error.status === 401) return null
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

export const projectsQuery = queryOptions({ queryKey: keys.projects, queryFn: () => body(api.GET('/api/v1/projects')) })

/** The project that an address names. There is none: a 404, as for any other thing that is gone or somebody else's. */
export const projectNamedQuery = (name: string) =>
  queryOptions({
    queryKey: keys.projectNamed(name),
    async queryFn() {
      const project = (await body(api.GET('/api/v1/projects'))).find((project) => project.name === name)
      if (!project) throw refusal(404, undefined)
      return project
    },
  })

export function useProject(name: string) {
  return useSuspenseQuery(projectNamedQuery(name)).data
}

export const projectQuery = (id: number) =>
  queryOptions({ queryKey: keys.project(id), queryFn: () => body(api.GET('/api/v1/projects/{id}', { params: { path: { id } } })) })

export const buildQuery = (id: number) =>
  queryOptions({ queryKey: keys.build(id), queryFn: () => body(api.GET('/api/v1/builds/{id}', { params: { path: { id } } })) })

/** Whether a project may take that name, and the address that it would have; an empty one is not asked for. */
export const nameQuery = (name: string) =>
  queryOptions({
    queryKey: keys.nameAvailable(name),
    queryFn: () => body(api.GET('/api/v1/projects/name-available', { params: { query: { name } } })),
    enabled: name !== '',
    staleTime: 5_000,
  })
