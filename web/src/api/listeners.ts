/** Who listens for what, by a key: what is told under one goes to its listeners alone. */
export class Listeners<Told> {
  readonly #of = new Map<string, Set<(told: Told) => void>>()

  /** Returns how to stop listening. */
  on(key: string, listener: (told: Told) => void): () => void {
    const listeners = this.#of.get(key) ?? new Set()
    this.#of.set(key, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#of.get(key) === listeners) this.#of.delete(key)
    }
  }

  tell(key: string, told: Told): void {
    this.#of.get(key)?.forEach((listener) => listener(told))
  }
}
