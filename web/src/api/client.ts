/**
 * The way to /api/v1, typed by the server's own document (`schema.ts` is generated from `openapi.json`). The session is in an
 * HttpOnly cookie: nothing of it is seen or kept here. Every failure is thrown as a `Refusal`.
 */

import createClient, { type Middleware } from 'openapi-fetch'

import { refusal, unreachable } from '~/api/errors'
import type { components, paths } from '~/api/schema'
import { connectionLost, isOnline, tryNow } from '~/shell/online'

export type Schema = components['schemas']

let whenSessionEnds = () => {}

/** What to do when the session has ended, whatever was asked for. Wrong credentials are another code. */
export function onSessionEnd(then: () => void): void {
  whenSessionEnds = then
}

export function endSession(): void {
  whenSessionEnds()
}

const refusals: Middleware = {
  async onResponse({ response }) {
    // It answers, so the live connection may be tried at once.
    if (!isOnline()) tryNow()
    if (response.ok) return
    const refused = refusal(response.status, await response.json().catch(() => undefined), response.headers.get('retry-after'))
    if (refused.code === 'unauthorized' && !response.url.endsWith('/api/v1/me')) endSession()
    throw refused
  },
  onError({ error, request }) {
    // Whoever asked has gone on to something else: that says nothing of the connection.
    if (request.signal.aborted && error instanceof Error) return error
    connectionLost()
    return unreachable()
  },
}

/** What a route also offers in other forms, for programs that follow it, is asked for here as JSON. */
export const api = createClient<paths, 'application/json'>({ baseUrl: '' })
api.use(refusals)

/** The body of an answer that is there because failures were thrown. */
export async function body<T>(answer: Promise<{ data?: T }>): Promise<NonNullable<T>> {
  return (await answer).data as NonNullable<T>
}
