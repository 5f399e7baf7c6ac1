/**
 * Which rows there are and how high they are: steps that are folded, problems alone or every line, lines that are wrapped. It knows
 * the lines, and nothing of where the view is (scene.ts) or what a row looks like (marks.ts).
 */

import { Folds, type Step } from '~/log/fold'
import type { Lines } from '~/log/lines'
import { LINE_HEIGHT, Rows, type Section } from '~/log/rows'
import { WrappedHeights } from '~/log/wrapped'

export class Layout {
  readonly rows = new Rows()
  #folds = new Folds()
  #heights = new WrappedHeights()
  #wraps: boolean
  #onlyProblems = false
  /** Lines that have their rows. */
  #laidOut = 0
  /** The rows are of before something changed. */
  #stale = true

  constructor(private readonly store: Lines, wrap: boolean) {
    this.#wraps = wrap
  }

  get isStale(): boolean {
    return this.#stale
  }

  get isEmpty(): boolean {
    return this.#laidOut === 0
  }

  get wraps(): boolean {
    return this.#wraps
  }

  get onlyProblems(): boolean {
    return this.#onlyProblems
  }

  get sections(): Section[] {
    return this.#folds.sections()
  }

  /** Takes in how the steps stand; `reading`: what is open stays open. */
  setSteps(steps: readonly Step[], reading: boolean): void {
    this.#folds.update(steps, reading)
    this.#stale = true
  }

  fold(section: number, folded: boolean): void {
    this.#folds.set(section, folded)
    this.#stale = true
  }

  setWrap(wrap: boolean): void {
    this.#wraps = wrap
    this.#heights.forget()
    this.#stale = true
  }

  /** How many characters of a wrapped line stand side by side. */
  setColumns(columns: number): void {
    this.#heights.columns = columns
    this.#heights.forget()
    this.#stale ||= this.#wraps
  }

  setOnlyProblems(only: boolean): void {
    this.#onlyProblems = only
    this.#stale = true
  }

  /** Lines came, or went, before the first. */
  moved(): void {
    this.#heights.forget()
    this.#stale = true
  }

  /** Lays everything out anew, if something changed. */
  renew(): void {
    if (!this.#stale) return
    this.#stale = false
    this.#laidOut = this.store.count
    const heightOf = this.#wraps ? (line: number) => this.#heights.of(line, this.store.text(line)) : () => LINE_HEIGHT
    this.rows.shape({ sections: this.sections, only: this.#onlyProblems ? this.store.problems : null, heightOf }, this.#laidOut)
  }

  /** Adds the lines that came; whether there were any. */
  extend(): boolean {
    if (this.store.count <= this.#laidOut) return false
    this.rows.extend((this.#laidOut = this.store.count))
    return true
  }

  /** Unfolds what hides a line; whether something did. */
  reveal(line: number): boolean {
    if (this.rows.shows(line)) return false
    this.#onlyProblems = false
    const section = this.rows.sectionOf(line)
    if (section >= 0) this.#folds.set(section, false)
    this.#stale = true
    this.renew()
    return true
  }

  /** A row was seen, and is so high; whether that is news. */
  learn(row: number, height: number): boolean {
    const what = this.rows.row(row)
    if ('section' in what || height === 0) return false
    this.#heights.remember(what.line, height)
    if (height === this.rows.heightOf(row)) return false
    this.rows.setHeight(row, height)
    return true
  }
}
