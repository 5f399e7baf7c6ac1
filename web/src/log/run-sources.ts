/** Where the lines of a one-off command come from: the live connection and the API. */

import { api, body } from '~/api/client'
import { onRunLines, onWake } from '~/api/live'
import type { Sources } from '~/log/feed'
import { piecesOf } from '~/log/sources'

export function sourcesOfRun(run: number): Sources {
  return {
    listen: (take) => onRunLines(run, (lines) => piecesOf(lines).forEach(take)),
    onWake,
    async page(after, limit) {
      const { lines, complete } = await body(api.GET('/api/v1/runs/{id}/log', { params: { path: { id: run }, query: { after, limit } } }))
      return { pieces: piecesOf(lines), count: lines.length, complete }
    },
  }
}
