/** Where somebody is: the project of the page, also on the page of one of its builds. */

import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'

import type { Schema } from '~/api/client'
import { buildQuery, projectsQuery } from '~/api/queries'

type Where = {
  /** The project's name as the address has it; known before the project is. */
  name: string | undefined
  project: Schema['ProjectSummaryBody'] | undefined
  build: Schema['BuildBody'] | undefined
}

export function useWhere(): Where {
  const params = useParams({ strict: false })
  const id = Number(params.build)
  const { data: build } = useQuery({ ...buildQuery(id), enabled: Number.isSafeInteger(id) })
  const { data: project } = useQuery({
    ...projectsQuery,
    select: (projects) => projects.find(({ id, name }) => (params.project !== undefined ? name === params.project : id === build?.projectId)),
  })
  return { name: params.project ?? project?.name, project, build }
}
