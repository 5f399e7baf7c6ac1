// The way to /api/v1. The session is in an HttpOnly cookie; nothing of it is seen or kept here.

/** What the server refused, in its words. */
export class Refusal extends Error {
  constructor(status, { code, message, fields } = {}) {
    super(message ?? `The server answered ${status}.`)
    this.status = status
    this.code = code
    this.fields = fields
  }
}

/** Sends a request and returns its JSON; throws a Refusal in words, also when there is no answer. */
export async function api(method, path, body, { signal } = {}) {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' }
  let response
  try {
    response = await fetch(`/api/v1${path}`, { method, headers, body: body && JSON.stringify(body), signal })
  } catch {
    throw new Refusal(0, { message: 'Not connected. Sites may well be served; this page will try again.' })
  }
  const answer = response.headers.get('content-type')?.includes('json') ? await response.json() : undefined
  if (!response.ok) throw new Refusal(response.status, answer?.error ?? answer)
  return answer
}
