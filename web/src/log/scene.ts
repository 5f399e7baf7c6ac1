/**
 * Where the view of a log is, and what is painted there: at the end while it follows, else where its reader left it, whatever comes
 * above. Painted once a frame.
 */

import { Canvas } from '~/log/canvas'
import { Frames } from '~/log/frames'
import type { Layout } from '~/log/layout'
import type { Lines } from '~/log/lines'
import type { Range } from '~/log/link'
import type { Marks } from '~/log/marks'
import { Pool } from '~/log/pool'
import { LINE_HEIGHT, type Row } from '~/log/rows'
import type { Teller } from '~/log/teller'

/** Rows that are painted above and below what is seen. */
const MARGIN = 8
/** This near the end is at the end. */
const NEAR = 4

/** A row, and how far the view is below its top. */
type Anchor = { row: Row; offset: number }

export class Scene {
  #canvas: Canvas
  #pool: Pool
  #frames = new Frames(() => this.#paint())
  #top = 0
  #follow: boolean
  /** Lines that were there when following ended; `null`: it never began. */
  #paused: number | null = null
  /** By how many lines everything has moved since it was painted. */
  #moved = 0
  /** Where the view goes as soon as that is there. */
  #wanted: Range | 'end' | null = null

  constructor(
    private readonly scroller: HTMLElement,
    private readonly store: Lines,
    private readonly layout: Layout,
    private readonly marks: Marks,
    private readonly teller: Teller,
    follow: boolean,
  ) {
    this.#follow = follow
    this.#canvas = new Canvas(scroller)
    this.#pool = new Pool(this.#canvas.window)
  }

  destroy(): void {
    this.#frames.stop()
    this.#canvas.remove()
  }

  /** Has what changed painted; at once where rows are others now. */
  schedule(): void {
    this.#frames.request(this.layout.isStale)
  }

  // Following

  get follow(): boolean {
    return this.#follow
  }

  /** Lines that came since following ended. */
  get fresh(): number {
    return this.#follow || this.#paused === null ? 0 : this.store.count - this.#paused
  }

  setFollow(follow: boolean): void {
    if (follow === this.#follow) return
    this.#follow = follow
    this.#paused = this.store.count
    if (follow) this.#wanted = null
    this.schedule()
    this.teller.now()
  }

  /** Reaching the end is the one way in which following begins by itself. */
  followAtEnd(): void {
    const atEnd = this.#top >= this.#bottom - NEAR
    this.setFollow(atEnd && !this.store.complete)
    if (atEnd && this.#paused !== null) this.#paused = this.store.count
  }

  /** So many lines came before the first: what is seen stays where it is. */
  moved(by: number): void {
    this.#moved += by
    if (this.#paused !== null) this.#paused = Math.max(0, this.#paused + by)
    this.schedule()
  }

  // Places

  get top(): number {
    return this.#top
  }

  /** Whether it is on its way to lines that are not there yet. */
  get isAwaited(): boolean {
    return this.#wanted !== null
  }

  want(what: Range | 'end'): void {
    this.#wanted = what
    this.schedule()
  }

  scrollTo(top: number): void {
    this.#wanted = null
    this.#top = this.#within(top)
    this.#frames.request(true)
  }

  scrollToEnd(): void {
    this.scrollTo(this.#bottom)
    this.followAtEnd()
  }

  scrollByPage(direction: 1 | -1): void {
    this.scrollTo(this.#top + direction * (this.#canvas.height - LINE_HEIGHT))
    this.followAtEnd()
  }

  /** The first line that is seen, or that belongs to the heading there. */
  get firstLine(): number {
    const { rows, sections } = this.layout
    const row = rows.count > 0 ? rows.row(rows.at(this.#top)) : { line: 1 }
    return 'line' in row ? row.line : Math.max(1, sections[row.section]!.firstLine)
  }

  /** Brings a row into sight, if it is not. */
  keepInSight(row: number): void {
    const { rows } = this.layout
    const top = rows.top(row)
    const bottom = top + rows.heightOf(row)
    const end = this.#top + this.#canvas.height
    if (top >= this.#top && bottom <= end) return this.schedule()
    const isNear = top > this.#top - 3 * LINE_HEIGHT && bottom < end + 3 * LINE_HEIGHT
    if (!isNear) this.scrollTo(top - this.#canvas.height / 3)
    else this.scrollTo(top < this.#top ? top : bottom - this.#canvas.height)
  }

  /** Makes a line the current one, and brings it into sight whatever hides it. */
  show(line: number): void {
    this.marks.current = { line }
    this.layout.renew()
    this.#reveal(line)
    this.keepInSight(this.layout.rows.of({ line }))
  }

  /** The scroller was moved: by its reader, or by what was painted. */
  heedScroll(): void {
    const { scrollTop, scrollLeft } = this.scroller
    this.scroller.classList.toggle('shifted', scrollLeft > 0)
    const byReader = Math.abs(scrollTop - this.#top) > 1
    this.#top = scrollTop
    if (!byReader) return
    this.#wanted = null
    this.followAtEnd()
    this.#frames.request(true)
  }

  /** The scroller may have another size. */
  measure(): void {
    if (this.#canvas.measure()) this.layout.setColumns(this.#canvas.columns(this.store.gutter))
    this.#frames.request(true)
  }

  get #bottom(): number {
    return Math.max(0, this.layout.rows.height - this.#canvas.height)
  }

  #within(top: number): number {
    return Math.max(0, Math.min(top, this.#bottom))
  }

  #anchor(): Anchor | null {
    const { rows } = this.layout
    if (rows.count === 0) return null
    const row = rows.at(this.#top)
    return { row: rows.row(row), offset: this.#top - rows.top(row) }
  }

  /** The same, counted as the lines are now. */
  #anchorMoved(): Anchor | null {
    const anchor = this.#anchor()
    const moved = this.#moved
    this.#moved = 0
    if (!anchor || moved === 0 || !('line' in anchor.row)) return anchor
    return { ...anchor, row: { line: Math.max(1, anchor.row.line + moved) } }
  }

  #placeOf({ row, offset }: Anchor): number {
    const { rows } = this.layout
    return rows.top(rows.of(row)) + offset
  }

  #reveal(line: number): void {
    if (this.layout.reveal(line)) this.teller.now()
  }

  // Frames

  #paint(): void {
    if (this.#canvas.width === 0) {
      // The page shows it as soon as it hears of lines.
      if (this.store.count > 0) this.teller.soon()
      return
    }
    const anchor = this.layout.isStale ? this.#anchorMoved() : null
    this.layout.renew()
    const grew = this.layout.extend()
    this.marks.finder?.scan()
    this.#size()
    this.#reach(anchor)
    this.#write()
    if (grew) this.teller.soon()
    if (this.store.complete && this.#follow) this.setFollow(false)
  }

  #size(): void {
    this.#canvas.setHeight(this.layout.rows.height)
    this.#canvas.setWidth(this.layout.wraps ? null : this.marks.widest, this.store.gutter)
  }

  /** Where the view is to be: the end, something that was wanted, or where it was. */
  #reach(anchor: Anchor | null): void {
    const wanted = this.#wanted
    if (this.#follow) this.#top = this.#bottom
    else if (wanted === 'end') {
      this.#top = this.#bottom
      if (this.store.complete) this.#wanted = null
    } else if (wanted && this.store.count >= wanted.from) {
      this.#reveal(wanted.from)
      this.#size()
      const { rows } = this.layout
      this.#top = rows.top(rows.of({ line: wanted.from })) - Math.max(0, (this.#canvas.height - LINE_HEIGHT) / 2)
      this.#wanted = null
    } else if (anchor) this.#top = this.#placeOf(anchor)
    this.#top = this.#within(this.#top)
  }

  #write(): void {
    const { rows, sections, wraps } = this.layout
    // Measured rows can turn out higher or lower than guessed: then once more, with what is known now.
    for (let round = 0; round < 3; round += 1) {
      const first = Math.max(0, rows.at(this.#top) - MARGIN)
      const last = Math.min(rows.count, rows.at(this.#top + this.#canvas.height) + MARGIN + 1)
      this.#pool.show(first, last - first, !this.#follow, (element, row) => this.marks.paint(element, rows.row(row), sections))
      this.#canvas.place(rows.top(first))
      if (!wraps || !this.#learnHeights(first, last)) break
      this.#size()
    }
    this.#canvas.scrollTo(this.#top)
  }

  /** Whether a row was higher or lower than thought. What is above the view does not push it. */
  #learnHeights(first: number, last: number): boolean {
    const anchor = this.#follow || this.#wanted === 'end' ? null : this.#anchor()
    let changed = false
    for (let row = first; row < last; row += 1) changed = this.layout.learn(row, this.#pool.heightAt(row - first)) || changed
    if (!changed) return false
    this.#top = this.#within(anchor ? this.#placeOf(anchor) : this.#bottom)
    return true
  }
}
