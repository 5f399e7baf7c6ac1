/** What is asked of the API about services, volumes and one-off commands. */

import { queryOptions, useQuery } from '@tanstack/react-query'
import type { RefObject } from 'react'

import { api, body } from '~/api/client'
import { keys } from '~/api/keys'
import { useSeen } from '~/services/seen'
import type { Service } from '~/services/types'

const path = (id: number) => ({ path: { id } })

/** The services of what is live: production's, or those of all previews together. */
export const servicesQuery = (project: number, environment: Service['environment'] = 'production') =>
  queryOptions({
    queryKey: keys.servicesOf(project, environment),
    queryFn: () => body(api.GET('/api/v1/projects/{id}/services', { params: { ...path(project), query: { environment } } })),
  })

export const volumesQuery = (project: number) =>
  queryOptions({ queryKey: keys.volumes(project), queryFn: () => body(api.GET('/api/v1/projects/{id}/volumes', { params: path(project) })) })

/** The newest commands that were run. */
export const runsQuery = (project: number) =>
  queryOptions({ queryKey: keys.runs(project), queryFn: () => body(api.GET('/api/v1/projects/{id}/runs', { params: { ...path(project), query: { limit: 20 } } })) })

export const runQuery = (project: number, id: number) =>
  queryOptions({ queryKey: keys.run(project, id), queryFn: () => body(api.GET('/api/v1/runs/{id}', { params: path(id) })) })

/** What is used now is told by no event. */
const USAGE_MS = 5_000

/** The services with what they use now, brought up to date while `part` can be seen. */
export function useServices(project: number, part: RefObject<Element | null>, environment?: Service['environment']) {
  const isSeen = useSeen(part)
  return useQuery({
    ...servicesQuery(project, environment),
    refetchInterval: ({ state: { data } }) => isSeen && data?.some(({ instances }) => instances.length > 0) ? USAGE_MS : false,
  })
}
