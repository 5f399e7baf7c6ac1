/** Where a build's lines come from: the live connection and the API. */

import { api, body, type Schema } from '~/api/client'
import { onLines, onWake } from '~/api/live'
import type { Sources } from '~/log/feed'
import type { Piece } from '~/log/store'

export function sourcesOf(build: number): Sources {
  return {
    listen: (take) => onLines(build, ({ lineNumber, log, stream }) => take({ first: lineNumber, texts: log.split('\n'), stream })),
    onWake,
    async page(after, limit) {
      const { lines, complete } = await body(api.GET('/api/v1/builds/{id}/log', { params: { path: { id: build }, query: { after, limit } } }))
      return { pieces: piecesOf(lines), count: lines.length, complete }
    },
  }
}

/** Lines of one stream that follow each other, as one piece. */
export function piecesOf(lines: readonly Pick<Schema['LogLine'], 'number' | 'stream' | 'text'>[]): Piece[] {
  const pieces: Piece[] = []
  let texts: string[] = []
  for (const [index, { number, stream, text }] of lines.entries()) {
    if (index === 0 || lines[index - 1]!.stream !== stream || lines[index - 1]!.number !== number - 1) {
      texts = []
      pieces.push({ first: number, texts, stream })
    }
    texts.push(text)
  }
  return pieces
}
