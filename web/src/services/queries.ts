/** What is asked of the API about services, volumes and one-off commands. */

import { queryOptions, useQuery } from '@tanstack/react-query'
import type { RefObject } from 'react'

import { api, body } from '~/api/client'
import { keys } from '~/api/keys'
import { useSeen } from '~/services/seen'

const path = (id: number) => ({ path: { id } })

/** The services of what is live in production. */
export const servicesQuery = (project: number) =>
  queryOptions({ queryKey: keys.services(project), queryFn: () => body(api.GET('/api/v1/projects/{id}/services', { params: path(project) })) })

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
export function useServices(project: number, part: RefObject<Element | null>) {
  const isSeen = useSeen(part)
  return useQuery({
    ...servicesQuery(project),
    refetchInterval: ({ state: { data } }) => isSeen && data?.some(({ instances }) => instances.length > 0) ? USAGE_MS : false,
  })
}
