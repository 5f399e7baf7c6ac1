/**
 * What the view shows of a log, from top to bottom: a row for each step and one for each line that is not folded or filtered
 * away, with their heights. Lines are numbered from 1, rows from 0. Pure: it knows neither the DOM nor the store.
 */

import { Heights } from '~/log/heights'

/** How much larger than usual the reader has type: the style sheet's rows grow with it. */
const TYPE = typeof document === 'undefined' ? 1 : parseFloat(getComputedStyle(document.documentElement).fontSize) / 14 || 1

export const LINE_HEIGHT = 20 * TYPE
export const STEP_HEIGHT = 36 * TYPE

export type Section = { name: string; firstLine: number; folded: boolean }

/** A row is a line, or the heading of the section with that index. */
export type Row = { line: number } | { section: number }

export type Shape = {
  sections: readonly Section[]
  /** Only these lines, and no headings. */
  only: readonly number[] | null
  /** How high a line is; it may be a guess until it was seen. */
  heightOf: (line: number) => number
}

export class Rows {
  /** A line's number, or a section's index as `-1 - index`. */
  #rows: number[] = []
  #heights = new Heights()
  #shape: Shape = { sections: [], only: null, heightOf: () => LINE_HEIGHT }
  /** The first line that was not laid out yet, and where the list of `only` was left. */
  #next = 1
  #nextOnly = 0

  get count(): number {
    return this.#rows.length
  }

  /** The height of all rows. */
  get height(): number {
    return this.#heights.total
  }

  /** Lays everything out anew: what is folded, filtered or how high lines are has changed. */
  shape(shape: Shape, lines: number): void {
    this.#shape = shape
    this.#rows = []
    this.#heights = new Heights()
    this.#next = 1
    this.#nextOnly = 0
    this.extend(lines)
  }

  /** Adds the lines up to `lines`. */
  extend(lines: number): void {
    const { sections, only } = this.#shape
    if (only) {
      for (; this.#nextOnly < only.length && only[this.#nextOnly]! <= lines; this.#nextOnly += 1) this.#addLine(only[this.#nextOnly]!)
      this.#next = lines + 1
      return
    }
    let section = sections.findLastIndex(({ firstLine }) => firstLine < this.#next)
    while (this.#next <= lines + 1) {
      // A step that has written nothing yet has its heading already.
      while (sections[section + 1] && sections[section + 1]!.firstLine <= this.#next) {
        section += 1
        if (!this.#hasHeading(section)) this.#add(-1 - section, STEP_HEIGHT)
      }
      if (this.#next > lines) return
      const end = Math.min(lines, (sections[section + 1]?.firstLine ?? Infinity) - 1)
      if (sections[section]?.folded) this.#next = end + 1
      else for (; this.#next <= end; this.#next += 1) this.#addLine(this.#next)
    }
  }

  row(row: number): Row {
    const value = this.#rows[row]!
    return value > 0 ? { line: value } : { section: -1 - value }
  }

  top(row: number): number {
    return this.#heights.before(row)
  }

  heightOf(row: number): number {
    return this.#heights.at(row)
  }

  setHeight(row: number, height: number): void {
    this.#heights.set(row, height)
  }

  /** The row at a distance from the top. */
  at(y: number): number {
    return Math.max(0, Math.min(this.count - 1, this.#heights.indexAt(y)))
  }

  /** The row of a line, or of a heading; where it is not shown, the one before it. */
  of(row: Row): number {
    const position = this.#positionOf(row)
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#positionOf(this.row(middle)) <= position) low = middle + 1
      else high = middle
    }
    return Math.max(0, low - 1)
  }

  /** Whether a line has a row of its own. */
  shows(line: number): boolean {
    return this.#rows[this.of({ line })] === line
  }

  /** The section that a line is in; -1 before the first. */
  sectionOf(line: number): number {
    return this.#shape.sections.findLastIndex(({ firstLine }) => firstLine <= line)
  }

  /** Headings stand before their section's first line, in their order where several begin with the same. */
  #positionOf(row: Row): number {
    if ('line' in row) return row.line
    const { sections } = this.#shape
    return (sections[row.section]?.firstLine ?? 0) - 1 + (row.section + 1) / (sections.length + 1)
  }

  #hasHeading(section: number): boolean {
    const last = this.#rows.at(-1)
    return last !== undefined && last < 0 && -1 - last >= section
  }

  #addLine(line: number): void {
    this.#add(line, this.#shape.heightOf(line))
  }

  #add(row: number, height: number): void {
    this.#rows.push(row)
    this.#heights.push(height)
  }
}
