/**
 * Pieces of the dashboard that come when they are needed: pages, dialogs, languages. One that does not come is fetched again when
 * the server answers. One that the server no longer has is of an older Berth than runs there: where it is needed the page is loaded
 * anew, and not where it was only fetched ahead, for that would take what is typed or shown just once.
 */

import { connectionLost, isOnline, onConnection } from '~/shell/online'

/** When the page was last loaded anew for a piece, so that a piece that is nowhere does not do so without end. */
const RELOADED = 'reloaded-for-a-piece'
const RELOAD_AGAIN_MS = 60_000

/** A piece that the server does not have. */
export class MissingPiece extends Error {}

export async function piece<Module>(load: () => Promise<Module>): Promise<Module> {
  for (let refusals = 0; ; ) {
    try {
      return await load()
    } catch (error) {
      if (await isAnswering()) {
        refusals += 1
        if (refusals > 1) throw new MissingPiece(undefined, { cause: error })
      } else {
        refusals = 0
        connectionLost()
        await connected()
      }
    }
  }
}

function isAnswering(): Promise<boolean> {
  return fetch('/health', { cache: 'no-store' }).then(({ ok }) => ok, () => false)
}

function connected(): Promise<void> {
  return new Promise((resolve) => {
    const stop = onConnection(() => {
      if (!isOnline()) return
      stop()
      resolve()
    })
  })
}

/** Loads the page anew for a piece that is missing and needed, unless that was just done: whether it does. */
export function loadAnew(): boolean {
  const last = Number(sessionStorage.getItem(RELOADED))
  if (Date.now() - last < RELOAD_AGAIN_MS) return false
  sessionStorage.setItem(RELOADED, String(Date.now()))
  location.reload()
  return true
}
