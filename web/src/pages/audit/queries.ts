/** The audit log that a filter lets through, page by page. */

import { infiniteQueryOptions } from '@tanstack/react-query'

import { api, body } from '~/api/client'
import { keys } from '~/api/keys'
import { type Filter, startOf } from './filter'

const PAGE = 50

export const auditQuery = ({ from, until, ...filter }: Filter) =>
  infiniteQueryOptions({
    queryKey: keys.audit({ ...filter, from, until }),
    queryFn: ({ pageParam: before }) =>
      body(api.GET('/api/v1/audit', { params: { query: { limit: PAGE, before, ...filter, from: startOf(from), until: startOf(until, 1) } } })),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (page) => (page.length < PAGE ? undefined : page.at(-1)?.id),
  })
