// Requests to Berth over loopback. Names under the base domain need not resolve here: the address is dialled and the
// host is only named.

import http from 'node:http'

import { Problem } from './problem.mjs'

/** One request; resolves to `{ status, headers, body }` with the body as bytes. */
export function request(connect, { host, method = 'GET', path = '/', headers = {}, body }) {
  return new Promise((resolve, reject) => {
    const sent = http.request({ ...connect, method, path, headers: { host, ...headers } }, (response) => {
      const chunks = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }))
    })
    sent.on('error', reject)
    sent.setTimeout(30_000, () => sent.destroy(new Error(`${method} ${path} got no answer within 30 seconds`)))
    sent.end(body)
  })
}

/** The API as one signed-in user. */
export class Client {
  #token = ''

  constructor(settings) {
    this.connect = settings.connect
    this.publicUrl = new URL(settings.publicUrl)
  }

  /** Sends JSON, resolves to the answer's JSON; a refusal is a Problem with Berth's own words. */
  async send(method, path, value) {
    const { status, body } = await this.attempt(method, path, value)
    if (status >= 400) {
      throw new Problem(`${method} ${path} was refused (${status}): ${reason(body)}`)
    }
    return body
  }

  /** Sends JSON, resolves to `{ status, body }` whatever the status. */
  async attempt(method, path, value) {
    const { status, body } = await request(this.connect, {
      host: this.publicUrl.host,
      method,
      path,
      headers: {
        accept: 'application/json',
        ...(value === undefined ? {} : { 'content-type': 'application/json' }),
        ...(this.#token ? { authorization: `Bearer ${this.#token}` } : {}),
      },
      body: value === undefined ? undefined : JSON.stringify(value),
    })
    return { status, body: parsed(body) }
  }

  /** Every request from now on carries this token. */
  authorize(token) {
    this.#token = token
  }
}

function parsed(body) {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

/** Berth's own words for a refusal, with each field that was wrong. */
export function reason(body) {
  const { message = 'no reason given', fields = [] } = body?.error ?? {}
  return message + fields.map((field) => `\n  ${field.field}: ${field.message}`).join('')
}
