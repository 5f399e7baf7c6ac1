/** How this Berth is set up and whether its parts work. For administrators. */

import { queryOptions } from '@tanstack/react-query'

import { api, body } from '~/api/client'
import { keys } from '~/api/keys'

export const systemQuery = queryOptions({
  queryKey: keys.system,
  queryFn: () => body(api.GET('/api/v1/system')),
  // No event tells of disks and daemons: whoever comes back asks again.
  staleTime: 0,
})
