/** Things that the server was asked to stop and has not answered about: their pages say so at once, whatever is kept of them. */

import { useSyncExternalStore } from 'react'

export class Asking {
  /** Replaced, never changed, so that React sees it change. */
  #ids: ReadonlySet<number> = new Set()
  readonly #listeners = new Set<() => void>()

  /** Counts one among them until what is asked is done. */
  async during(id: number, asked: () => Promise<unknown>): Promise<void> {
    this.#become(new Set(this.#ids).add(id))
    try {
      await asked()
    } finally {
      this.#become(new Set([...this.#ids].filter((other) => other !== id)))
    }
  }

  readonly current = () => this.#ids

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #become(next: ReadonlySet<number>): void {
    this.#ids = next
    for (const listener of this.#listeners) listener()
  }
}

/** Those of which somebody waits for the answer. */
export function useAsking(asking: Asking): ReadonlySet<number> {
  return useSyncExternalStore(asking.subscribe, asking.current)
}
