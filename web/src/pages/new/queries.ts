/** What the page of a new project asks for. */

import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'
import { useEffect, useState } from 'react'

import { api, body } from '~/api/client'
import { keys } from '~/api/keys'
import { accessOf, type Changes, type Repository, settingsOf } from './source'

/** The accounts whose repositories can be chosen, one's own first. */
export const organizationsQuery = queryOptions({
  queryKey: keys.organizations,
  queryFn: async () => (await body(api.GET('/api/v1/github/organizations'))).organizations,
  retry: false,
})

/** Repositories of an account (`''`: one's own) with `q` in their name. */
export const repositoriesQuery = (org: string, q: string) =>
  infiniteQueryOptions({
    queryKey: keys.repositories({ org, q }),
    queryFn: ({ pageParam, signal }) =>
      body(api.GET('/api/v1/github/repositories', { params: { query: { ...(org && { org }), ...(q && { q }), page: pageParam } }, signal })),
    initialPageParam: 1,
    getNextPageParam: ({ nextPage }) => nextPage ?? undefined,
    placeholderData: keepPreviousData,
    retry: false,
  })

export const branchesQuery = (repository: string | undefined) =>
  queryOptions({
    queryKey: keys.branches(repository ?? ''),
    queryFn: async () => (await body(api.GET('/api/v1/github/branches', { params: { query: { repo: repository! } } }))).branches,
    enabled: repository !== undefined,
    retry: false,
  })

/** What would be built. The server fetches the branch for it; an earlier question is given up when another is asked. */
export const detectionQuery = (repository: Repository, branch: string, changes: Changes) => {
  const form = { ...accessOf(repository), branch, ...settingsOf(changes) }
  return queryOptions({
    queryKey: keys.detection(form),
    queryFn: ({ signal }) => body(api.POST('/api/v1/detections', { body: form, signal })),
    enabled: branch !== '',
    staleTime: Infinity,
    // What it holds of a token is let go soon after the page is left.
    gcTime: 60_000,
    retry: false,
    placeholderData: keepPreviousData,
  })
}

/** `value` once it has not changed for a while: what is typed is not asked for letter by letter. */
export function useSettled<T>(value: T, ms: number): T {
  const [settled, setSettled] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms)
    return () => clearTimeout(timer)
  }, [value, ms])
  return settled
}
