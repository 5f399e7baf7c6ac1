/**
 * Finds a text in a log: plain, without regard to case. A log is scanned in slices, so that a hundred thousand lines hold up no
 * frame; lines that come later are scanned when they come.
 */

import { plain } from '~/log/ansi'
import type { Lines } from '~/log/lines'

const SLICE = 10_000

export class Search {
  /** Matches so far. */
  count = 0
  /** Lines that were looked at. */
  #seen = 0
  #needle: string
  /** The lines that match, and how many matches there are before each. */
  #lines: number[] = []
  #before: number[] = []

  constructor(
    private readonly store: Lines,
    readonly text: string,
  ) {
    this.#needle = text.toLowerCase()
  }

  /** Whether every line that is there was looked at. */
  get done(): boolean {
    return this.#needle === '' || this.#seen >= this.store.count
  }

  /** Looks at the next slice. */
  step(): void {
    if (this.#needle === '') return
    const end = Math.min(this.store.count, this.#seen + SLICE)
    for (let line = this.#seen + 1; line <= end; line += 1) {
      const found = occurrences(this.store.text(line), this.#needle)
      if (found === 0) continue
      this.#lines.push(line)
      this.#before.push(this.count)
      this.count += found
    }
    this.#seen = end
  }

  /** The line of match `index`, counted from 0, and which of that line's it is. */
  at(index: number): { line: number; nth: number } {
    const at = lastNotAbove(this.#before, index)
    return { line: this.#lines[at]!, nth: index - this.#before[at]! }
  }

  /** The first match at or after a line, else the first of all; -1 where there is none. */
  from(line: number): number {
    if (this.count === 0) return -1
    const at = lastNotAbove(this.#lines, line - 1) + 1
    return this.#before[at] ?? 0
  }
}

/** Where a text is in a line, by columns of its plain text. */
export function found(text: string, needle: string): number[] {
  if (needle === '') return []
  const within = text.toLowerCase()
  const columns: number[] = []
  for (let at = within.indexOf(needle); at >= 0; at = within.indexOf(needle, at + needle.length)) columns.push(at)
  return columns
}

function occurrences(line: string, needle: string): number {
  const text = plain(line).toLowerCase()
  let count = 0
  for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + needle.length)) count += 1
  return count
}

/** The index of the last of ascending `values` that is not above `limit`; -1 if all are. */
function lastNotAbove(values: readonly number[], limit: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (values[middle]! <= limit) low = middle + 1
    else high = middle
  }
  return low - 1
}
