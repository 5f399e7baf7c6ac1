/** What the tab shows: inside a project how that one stands, on the list how all of them do; elsewhere only that something builds. */

import { useQuery } from '@tanstack/react-query'
import { useMatchRoute } from '@tanstack/react-router'
import { useEffect } from 'react'

import { projectsQuery } from '~/api/queries'
import { isUnderWay } from '~/actions/cancel'
import { isBehind } from '~/pages/projects/standing'
import { markTab } from '~/shell/tab'
import { useWhere } from '~/shell/where'

export function useMarks(): void {
  const { project } = useWhere()
  const { data: projects = [] } = useQuery(projectsQuery)
  const onList = Boolean(useMatchRoute()({ to: '/' }))
  const concerned = project ? [project] : projects
  const building = concerned.some(({ latestBuild }) => latestBuild && isUnderWay(latestBuild))
  const failed = (project !== undefined || onList) && concerned.some((each) => isBehind(each) || each.troubles.length > 0)
  useEffect(() => markTab(building ? 'building' : failed ? 'failed' : null), [building, failed])
}
