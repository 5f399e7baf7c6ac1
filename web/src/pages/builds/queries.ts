/** The builds of a project that a filter lets through, page by page. */

import { infiniteQueryOptions } from '@tanstack/react-query'

import { api, body, type Schema } from '~/api/client'
import { keys } from '~/api/keys'

export const STATUSES = ['running', 'queued', 'held', 'passed', 'failed', 'canceled', 'superseded', 'skipped'] as const satisfies readonly Schema['BuildStatus'][]

/** As the address has it: a status that there is not lets everything through. */
export type Filter = { branch?: string; status?: string }

const PAGE = 50

export const buildsQuery = (project: number, { branch, status }: Filter) => {
  const known = STATUSES.find((one) => one === status)
  return infiniteQueryOptions({
    queryKey: keys.builds(project, { list: 'all', branch, status: known }),
    queryFn: ({ pageParam }) =>
      body(api.GET('/api/v1/projects/{id}/builds', { params: { path: { id: project }, query: { limit: PAGE, before: pageParam, branch, status: known } } })),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (page) => (page.length < PAGE ? undefined : page.at(-1)?.id),
  })
}
