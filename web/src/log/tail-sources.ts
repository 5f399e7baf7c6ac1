/** Where the lines of a service come from: the live connection, which tells all of them, and the API, which filters. */

import { api, body } from '~/api/client'
import { onServiceLines, onWake } from '~/api/live'
import type { TailSources } from '~/log/tail-feed'
import type { TailLine } from '~/log/tail-store'
import type { LogStream } from '~/services/types'

export type Filter = {
  /** A text that lines contain, in any case; empty: every line. */
  query: string
  stream: LogStream | undefined
  replica: number | undefined
}

/** Whose log: production's, or that of one deployment of a preview, whose log others share. */
export type TailOf = { project: number; service: string; preview?: number | undefined }

export function tailSourcesOf({ project, service, preview }: TailOf, { query, stream, replica }: Filter): TailSources {
  const environment = preview === undefined ? 'production' : 'preview'
  const page = (place: { before?: number | undefined; after?: number }, limit: number) =>
    body(api.GET('/api/v1/projects/{id}/services/{name}/logs', {
      params: { path: { id: project, name: service }, query: { ...place, environment, deployment: preview, limit, query: query || undefined, stream, replica } },
    }))
  return {
    listen: (take) => onServiceLines(project, environment, service, take),
    onWake,
    older: (before, limit) => page({ before }, limit),
    newer: (after, limit) => page({ after }, limit),
  }
}

/** Whether the server would give a line for this filter. */
export function matches({ query, stream, replica }: Filter, preview?: number): (line: TailLine) => boolean {
  const needle = query.toLowerCase()
  return (line) => (preview === undefined || line.deploymentId === preview) && (!stream || line.stream === stream) && (replica === undefined || line.replica === replica) && (needle === '' || line.text.toLowerCase().includes(needle))
}
