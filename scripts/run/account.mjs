// The administrator of a Berth that somebody tries out: made with the setup token on first start, signed in afterwards.

import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { reason } from './client.mjs'
import { Problem } from './problem.mjs'

/** Signs the client in; where there is no account yet, makes it with the setup token that Berth keeps. */
export async function signIn(client, settings) {
  const { loginName: login, passwordFile } = settings
  const password = keptPassword(passwordFile)
  const { done } = await client.send('GET', '/api/v1/setup')
  if (!done) {
    const setupToken = readFileSync(join(settings.dataDir, 'setup-token'), 'utf8').trim()
    const { token } = await client.send('POST', '/api/v1/setup', { setupToken, login, password })
    client.authorize(token)
    return
  }
  const { status, body } = await client.attempt('POST', '/api/v1/sessions', { login, password })
  if (status === 401) {
    throw new Problem(
      `${login} cannot sign in with the password in ${passwordFile}. If it was changed, write the new one there; ` +
        `to start afresh, remove ${settings.dataDir} and everything in ${settings.deploymentsDir} but its README.md`,
    )
  }
  if (status >= 400) throw new Problem(`signing in was refused (${status}): ${reason(body)}`)
  client.authorize(body.token)
}

/** The password of the file; the file is written before the account is made, so that neither can be lost alone. */
function keptPassword(passwordFile) {
  try {
    writeFileSync(passwordFile, `${randomBytes(18).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
  return readFileSync(passwordFile, 'utf8').trim()
}
