/** A search that is under way in a view: scanned slice by slice, with the match that the reader is at. */

import type { Lines } from '~/log/lines'
import { Search } from '~/log/search'

export class Finder {
  /** The match that is shown; -1: none yet. */
  current = -1
  #search: Search
  /** Every line that was there when the search began was looked at: what is found later moves nobody. */
  #begun = false
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    store: Lines,
    text: string,
    /** After each slice; `first`: the first match may be shown now. */
    private readonly scanned: (first: boolean) => void,
  ) {
    this.#search = new Search(store, text)
  }

  get state() {
    return { text: this.#search.text, count: this.#search.count, current: this.current, done: this.#search.done }
  }

  get needle(): string {
    return this.#search.text.toLowerCase()
  }

  /** Looks at what was not looked at yet. */
  scan(): void {
    clearTimeout(this.#timer)
    if (this.#search.done) return
    this.#search.step()
    if (!this.#search.done) this.#timer = setTimeout(() => this.scan())
    const first = this.#search.done && !this.#begun && this.#search.count > 0
    this.#begun ||= this.#search.done
    this.scanned(first && this.current < 0)
  }

  /** Goes to the first match at or after a line; returns its line. */
  toFirst(after: number): number {
    return this.#to(this.#search.from(after))
  }

  /** Goes to the next or previous match, round and round; returns its line, 0 if there is none. */
  toNext(direction: 1 | -1): number {
    const { count } = this.#search
    return count === 0 ? 0 : this.#to((this.current + direction + count) % count)
  }

  /** Which match of a line is the current one; -1: none. */
  nthOn(line: number): number {
    if (this.current < 0) return -1
    const match = this.#search.at(this.current)
    return match.line === line ? match.nth : -1
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #to(index: number): number {
    this.current = index
    return this.#search.at(index).line
  }
}
