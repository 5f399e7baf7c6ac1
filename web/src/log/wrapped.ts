/** How high wrapped lines are: as they were seen, else as their length lets guess. */

import { PAINTED } from '~/log/paint'
import { LINE_HEIGHT } from '~/log/rows'

export class WrappedHeights {
  #seen = new Uint16Array(1_024)
  /** Characters that fit a line. */
  columns = 80

  of(line: number, text: string): number {
    return this.#seen[line] || Math.max(1, Math.ceil(Math.min(text.length, PAINTED) / this.columns)) * LINE_HEIGHT
  }

  remember(line: number, height: number): void {
    if (line >= this.#seen.length) {
      const larger = new Uint16Array(line * 2)
      larger.set(this.#seen)
      this.#seen = larger
    }
    this.#seen[line] = height
  }

  /** The width has changed. */
  forget(): void {
    this.#seen.fill(0)
  }
}
