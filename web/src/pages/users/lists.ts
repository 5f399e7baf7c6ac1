/** Long lists of accounts and invitations, newest first, a hundred at a time. */

import { useSuspenseInfiniteQuery } from '@tanstack/react-query'

import { api, body } from '~/api/client'
import { keys } from '~/api/keys'

const PAGE = 100

const paged = {
  initialPageParam: undefined as number | undefined,
  getNextPageParam: (page: readonly { id: number }[]) => (page.length < PAGE ? undefined : page.at(-1)?.id),
}

export function useUsers() {
  return useSuspenseInfiniteQuery({
    ...paged,
    queryKey: keys.users,
    queryFn: ({ pageParam: before }) => body(api.GET('/api/v1/users', { params: { query: { limit: PAGE, before } } })),
  })
}

export function useInvitations() {
  return useSuspenseInfiniteQuery({
    ...paged,
    queryKey: keys.invitations,
    queryFn: ({ pageParam: before }) => body(api.GET('/api/v1/invitations', { params: { query: { limit: PAGE, before } } })),
  })
}
