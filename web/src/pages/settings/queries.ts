/** What the settings of a project are made of, and changing them. */

import { queryOptions, useQueryClient } from '@tanstack/react-query'

import { api, body, type Schema } from '~/api/client'
import { keys } from '~/api/keys'

const of = (id: number) => ({ params: { path: { id } } })

export const variablesQuery = (project: number) =>
  queryOptions({ queryKey: keys.variables(project), queryFn: () => body(api.GET('/api/v1/projects/{id}/variables', of(project))) })

export const hookQuery = (project: number) =>
  queryOptions({ queryKey: keys.hook(project), queryFn: () => body(api.GET('/api/v1/projects/{id}/hook', of(project))) })

export const deployHooksQuery = (project: number) =>
  queryOptions({ queryKey: keys.deployHooks(project), queryFn: () => body(api.GET('/api/v1/projects/{id}/deploy-hooks', of(project))) })

export const deliveriesQuery = (project: number) =>
  queryOptions({
    queryKey: keys.deliveries(project),
    queryFn: () => body(api.GET('/api/v1/projects/{id}/deliveries', { params: { path: { id: project }, query: { limit: 20 } } })),
  })

/** Changes some settings. When it is done the page knows the new ones. */
export function useChangeProject({ id }: Schema['ProjectBody']) {
  const queries = useQueryClient()
  return async (change: Schema['ProjectChangeForm']) => {
    const changed = await body(api.PATCH('/api/v1/projects/{id}', { ...of(id), body: change }))
    queries.setQueryData(keys.projectNamed(changed.name), changed)
    for (const queryKey of [keys.projects, keys.project(id), keys.hook(id)]) void queries.invalidateQueries({ queryKey })
    return changed
  }
}
