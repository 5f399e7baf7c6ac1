/** The elements of the rows that can be seen: as many as fit, filled anew as the log moves. */

import { RowElement } from '~/log/paint'

export class Pool {
  #elements: RowElement[] = []
  #first = 0

  constructor(private readonly box: HTMLElement) {}

  /**
   * Shows the rows from `first` on. They are in the DOM in their order, so that a selection copies them in it. `turn`: rows that
   * stay in sight keep their elements; without it each place keeps its own, which is cheaper where every row changes.
   */
  show(first: number, count: number, turn: boolean, paint: (element: RowElement, row: number) => void): void {
    while (this.#elements.length < count) this.#add()
    if (turn) this.#turn(first - this.#first, count)
    this.#first = first
    for (const [index, element] of this.#elements.entries()) {
      element.root.hidden = index >= count
      if (index < count) paint(element, first + index)
    }
  }

  /** How high the row at a place turned out. */
  heightAt(index: number): number {
    return this.#elements[index]!.root.offsetHeight
  }

  #add(): void {
    const element = new RowElement()
    this.#elements.push(element)
    this.box.append(element.root)
  }

  #turn(by: number, count: number): void {
    if (by === 0 || Math.abs(by) >= count) return
    const moved = by > 0 ? this.#elements.splice(0, by) : this.#elements.splice(by)
    if (by > 0) {
      this.#elements.push(...moved)
      this.box.append(...moved.map(({ root }) => root))
    } else {
      this.#elements.unshift(...moved)
      this.box.prepend(...moved.map(({ root }) => root))
    }
  }
}
