/** How this Berth is set up and whether its parts work, for administrators; what a build may use, for everybody. */

import { queryOptions } from '@tanstack/react-query'

import { api, body } from '~/api/client'
import { keys } from '~/api/keys'

export const systemQuery = queryOptions({
  queryKey: keys.system,
  queryFn: () => body(api.GET('/api/v1/system')),
  // No event tells of disks and daemons: whoever comes back asks again.
  staleTime: 0,
})

export const limitsQuery = queryOptions({ queryKey: keys.limits, queryFn: () => body(api.GET('/api/v1/limits')), staleTime: Infinity })
