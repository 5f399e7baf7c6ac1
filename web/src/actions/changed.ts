/** After a change: what is shown of a project, and of the builds it has, is fetched again. */

import { useQueryClient } from '@tanstack/react-query'

import { keys } from '~/api/keys'

export function useChanged(): (project: number) => Promise<unknown> {
  const queries = useQueryClient()
  return (project) => Promise.all([keys.project(project), keys.projects].map((queryKey) => queries.invalidateQueries({ queryKey })))
}
