// A Berth of its own with the harbour in it, and everything around it: for pictures and figures.

import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'

import { signIn } from '../run/account.mjs'
import { checkFree, startBerth } from '../run/berth.mjs'
import { Client } from '../run/client.mjs'
import { serveRepositories } from '../run/git-endpoint.mjs'
import { readSettings } from '../run/settings.mjs'
import { makeHarbour } from './make.mjs'

/** Resolves to `{ settings, client, stop }` once every project is as it should be: at once where it was made before. */
export async function openHarbour(binary, print) {
  const settings = readSettings()
  await checkFree(settings)
  const stops = []
  const stop = async () => {
    for (const end of stops.reverse()) await end()
  }
  try {
    const directory = join(settings.runDir, 'repositories')
    mkdirSync(directory, { recursive: true })
    const endpoint = await serveRepositories(directory, join(settings.runDir, 'git-port'))
    stops.push(endpoint.close)
    await startBerth(resolve(binary), settings, (end) => stops.push(end))
    const client = new Client(settings)
    await signIn(client, settings)
    if ((await client.send('GET', '/api/v1/projects')).length === 0) {
      await makeHarbour({ client, settings, binary: resolve(binary), directory, url: endpoint.url, print })
    }
    return { settings, client, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
