/**
 * The log on the page: a scroller in which only the rows that can be seen exist. Outside React, because lines come faster than a
 * tree of components can be compared: whatever happens is gathered, and written to the DOM once a frame.
 *
 * Not here: where lines come from (feed.ts), which rows there are (rows.ts), how large the page lets it be (canvas.ts), when to paint
 * (frames.ts), what a row looks like (paint.ts), the bar above and what is said to screen readers (viewer.tsx), keys (keys.ts).
 */

import { Canvas } from '~/log/canvas'
import { Finder } from '~/log/finder'
import { Folds, type Step } from '~/log/fold'
import { Frames } from '~/log/frames'
import type { Range } from '~/log/link'
import { PAINTED, type RowElement } from '~/log/paint'
import { Pool } from '~/log/pool'
import { LINE_HEIGHT, type Row, Rows } from '~/log/rows'
import type { LogStore } from '~/log/store'
import { Teller } from '~/log/teller'
import { WrappedHeights } from '~/log/wrapped'

/** Rows that are painted above and below what is seen. */
const MARGIN = 8
/** This near the end is at the end. */
const NEAR = 4

export type ViewState = {
  follow: boolean
  /** Lines that came since following ended. */
  fresh: number
  lines: number
  problems: number
  onlyProblems: boolean
  wrap: boolean
  complete: boolean
  search: Finder['state'] | null
}

export type ViewOptions = {
  more: (characters: number) => string
  changed: (state: ViewState) => void
  /** The reader pointed at a line. */
  picked: (range: Range) => void
  wrap: boolean
  follow: boolean
}

export class LogView {
  #canvas: Canvas
  #pool: Pool
  #frames = new Frames(() => this.#paint())
  #rows = new Rows()
  #folds = new Folds()
  #headings: readonly HTMLElement[] = []
  #heights = new WrappedHeights()
  #whole = new Set<number>()

  #top = 0

  #follow: boolean
  /** Lines that were there when following ended; `null`: it never began. */
  #paused: number | null = null
  #wrap: boolean
  #onlyProblems = false
  #wanted: Range | 'end' | null = null
  #selected: Range | null = null
  #current: Row | null = null
  #finder: Finder | null = null

  #laidOut = 0
  #stale = true
  #teller = new Teller(() => this.options.changed(this.#state))
  #stops: (() => void)[] = []

  constructor(
    private readonly scroller: HTMLElement,
    private readonly store: LogStore,
    private readonly options: ViewOptions,
  ) {
    this.#wrap = options.wrap
    this.#follow = options.follow
    this.#canvas = new Canvas(scroller)
    this.#pool = new Pool(this.#canvas.window)
    const resized = new ResizeObserver(() => this.#measure())
    resized.observe(scroller)
    const on = <K extends keyof HTMLElementEventMap>(name: K, heed: (event: HTMLElementEventMap[K]) => void) => {
      scroller.addEventListener(name, heed, { passive: true })
      this.#stops.push(() => scroller.removeEventListener(name, heed))
    }
    on('scroll', () => this.#onScroll())
    on('wheel', (event) => event.deltaY < 0 && this.setFollow(false))
    on('click', (event) => this.#onClick(event))
    const onSelection = () => this.#onSelection()
    document.addEventListener('selectionchange', onSelection)
    this.#stops.push(store.subscribe(() => this.#schedule()), () => resized.disconnect(), () => document.removeEventListener('selectionchange', onSelection))
    this.#measure()
  }

  destroy(): void {
    this.#frames.stop()
    this.#finder?.stop()
    this.#teller.stop()
    for (const stop of this.#stops) stop()
    this.#canvas.remove()
  }

  // What the reader, or the page, wants

  setSteps(steps: readonly Step[]): void {
    this.#folds.update(steps, !this.#follow && this.#laidOut > 0 && this.#wanted === null)
    this.#reshape()
  }

  /** What stands on the rows of the steps, in their order. */
  setHeadings(headings: readonly HTMLElement[]): void {
    this.#headings = headings
    this.#schedule()
  }

  setFollow(follow: boolean): void {
    if (follow === this.#follow) return
    this.#follow = follow
    this.#paused = this.store.count
    if (follow) this.#wanted = null
    this.#schedule()
    this.#teller.now()
  }

  setWrap(wrap: boolean): void {
    this.#wrap = wrap
    this.#heights.forget()
    this.#reshape()
    this.#teller.now()
  }

  setOnlyProblems(only: boolean): void {
    this.#onlyProblems = only
    this.#reshape()
    this.#teller.now()
  }

  fold(section: number, folded: boolean): void {
    this.setFollow(false)
    this.#folds.set(section, folded)
    this.#reshape()
  }

  /** Shows lines and marks them, as soon as they are there. */
  goTo(range: Range, { mark = true } = {}): void {
    this.setFollow(false)
    this.#selected = mark ? range : null
    this.#current = { line: range.from }
    this.#wanted = range
    this.#schedule()
  }

  goToEnd(): void {
    this.#wanted = 'end'
    this.#schedule()
  }

  goToStep(name: string): void {
    const section = this.#folds.sections().findIndex((each) => each.name === name)
    if (section < 0) return
    this.fold(section, false)
    this.#current = { section }
    this.#scrollTo(this.#rows.top(this.#rows.of({ section })))
  }

  search(text: string): void {
    this.#finder?.stop()
    this.#finder = null
    if (text !== '') {
      this.setFollow(false)
      this.#finder = new Finder(this.store, text, (first) => this.#onScanned(first))
      this.#finder.scan()
    }
    this.#schedule()
    this.#teller.now()
  }

  nextMatch(direction: 1 | -1): void {
    this.#showMatch(this.#finder?.toNext(direction) ?? 0)
  }

  nextProblem(): void {
    const { problems } = this.store
    const after = this.#currentLine()
    const line = problems.find((problem) => problem > after) ?? problems[0]
    if (line === undefined) return
    this.setFollow(false)
    this.#show(line)
  }

  /** Moves the current row; returns the line that is current now, or the section whose heading is. */
  move(by: number): Row | null {
    if (this.#rows.count === 0) return null
    this.setFollow(false)
    const from = this.#current ? this.#rows.of(this.#current) : this.#rows.at(this.#top) - Math.sign(by)
    const row = Math.max(0, Math.min(this.#rows.count - 1, from + by))
    this.#current = this.#rows.row(row)
    this.#keepInSight(row)
    return this.#current
  }

  page(direction: 1 | -1): void {
    if (direction < 0) this.setFollow(false)
    this.#scrollTo(this.#top + direction * (this.#canvas.height - LINE_HEIGHT))
    this.#followAtEnd()
  }

  /** To the end; following what comes while something can. */
  end(): void {
    this.#scrollTo(this.#bottom())
    this.#followAtEnd()
  }

  /** What Enter does: folds a step, shows the whole of a line, or marks it. */
  activate(extend: boolean): void {
    const current = this.#current
    if (!current) return
    if ('section' in current) this.fold(current.section, !this.#folds.sections()[current.section]!.folded)
    else if (this.store.text(current.line).length > PAINTED && !this.#whole.has(current.line)) this.#showWhole(current.line)
    else this.#pick(current.line, extend)
  }

  get current(): Row | null {
    return this.#current
  }

  /** The lines that a link would name. */
  get linkable(): Range {
    const line = this.#currentLine() || this.#firstLine()
    return this.#selected ?? { from: line, to: line }
  }

  // What happens to the scroller

  #onScroll(): void {
    const { scrollTop, scrollLeft } = this.scroller
    this.scroller.classList.toggle('shifted', scrollLeft > 0)
    const byReader = Math.abs(scrollTop - this.#top) > 1
    this.#top = scrollTop
    if (!byReader) return
    this.#wanted = null
    this.#followAtEnd()
    this.#frames.request(true)
  }

  /** Reaching the end is the one way in which following begins by itself. */
  #followAtEnd(): void {
    const atEnd = this.#top >= this.#bottom() - NEAR
    this.setFollow(atEnd && !this.store.complete)
    if (atEnd && this.#paused !== null) this.#paused = this.store.count
  }

  #onClick(event: MouseEvent): void {
    const target = event.target as HTMLElement
    const row = target.closest<HTMLElement>('[data-line], [data-section]')
    if (!row) return
    if (row.dataset.section !== undefined) {
      const section = Number(row.dataset.section)
      this.#current = { section }
      return this.fold(section, !this.#folds.sections()[section]!.folded)
    }
    const line = Number(row.dataset.line)
    this.#current = { line }
    if (target.closest('[data-whole]')) this.#showWhole(line)
    else if (target.closest('.log-number')) this.#pick(line, event.shiftKey)
    this.#schedule()
  }

  #onSelection(): void {
    const selection = document.getSelection()
    if (this.#follow && selection && !selection.isCollapsed && this.scroller.contains(selection.anchorNode)) this.setFollow(false)
  }

  #measure(): void {
    if (this.#canvas.measure()) {
      this.#heights.columns = this.#canvas.columns(this.store.count)
      this.#heights.forget()
      if (this.#wrap) this.#reshape()
    }
    this.#frames.request(true)
  }

  // Frames

  #schedule(): void {
    this.#frames.request(this.#stale)
  }

  #paint(): void {
    if (this.#canvas.width === 0) return
    const anchor = this.#stale && !this.#follow ? this.#anchor() : null
    if (this.#stale) this.#layOut()
    const grew = this.store.count > this.#laidOut
    if (grew) this.#rows.extend((this.#laidOut = this.store.count))
    this.#finder?.scan()
    this.#size()
    this.#reach(anchor)
    this.#write()
    if (grew) this.#teller.soon()
    if (this.store.complete && this.#follow) this.setFollow(false)
  }

  #layOut(): void {
    this.#stale = false
    this.#laidOut = this.store.count
    const heightOf = this.#wrap ? (line: number) => this.#heights.of(line, this.store.text(line)) : () => LINE_HEIGHT
    this.#rows.shape({ sections: this.#folds.sections(), only: this.#onlyProblems ? this.store.problems : null, heightOf }, this.#laidOut)
  }

  /** Where the view is to be: the end, something that was wanted, or where it was. */
  #reach(anchor: { row: Row; offset: number } | null): void {
    const wanted = this.#wanted
    if (this.#follow) this.#top = this.#bottom()
    else if (wanted === 'end') {
      this.#top = this.#bottom()
      if (this.store.complete) this.#wanted = null
    } else if (wanted && this.store.count >= wanted.from) {
      this.#open(wanted.from)
      this.#size()
      const row = this.#rows.of({ line: wanted.from })
      this.#top = this.#rows.top(row) - Math.max(0, (this.#canvas.height - LINE_HEIGHT) / 2)
      this.#wanted = null
    } else if (anchor) this.#top = this.#rows.top(this.#rows.of(anchor.row)) + anchor.offset
    this.#top = Math.max(0, Math.min(this.#top, this.#bottom()))
  }

  #write(): void {
    const sections = this.#folds.sections()
    // Measured rows can turn out higher or lower than guessed: then once more, with what is known now.
    for (let round = 0; round < 3; round += 1) {
      const first = Math.max(0, this.#rows.at(this.#top) - MARGIN)
      const last = Math.min(this.#rows.count, this.#rows.at(this.#top + this.#canvas.height) + MARGIN + 1)
      this.#pool.show(first, last - first, !this.#follow, (element, row) => this.#paintRow(element, this.#rows.row(row), sections))
      this.#canvas.place(this.#rows.top(first))
      if (!this.#wrap || !this.#learnHeights(first, last)) break
      this.#size()
    }
    this.#canvas.scrollTo(this.#top)
  }

  #size(): void {
    this.#canvas.setHeight(this.#rows.height)
    const widest = Math.min(this.store.widest, this.#whole.size > 0 ? Infinity : PAINTED)
    this.#canvas.setWidth(this.#wrap ? null : widest, this.store.count)
  }

  #paintRow(element: RowElement, row: Row, sections: ReturnType<Folds['sections']>): void {
    const isCurrent = this.#current !== null && same(this.#current, row)
    if ('section' in row) {
      const heading = this.#headings[row.section]
      if (heading) element.heading(row.section, sections[row.section]!.folded, heading, isCurrent ? 'log-current' : '')
      return
    }
    const { line } = row
    const isSelected = this.#selected !== null && line >= this.#selected.from && line <= this.#selected.to
    const look = [this.store.isError(line) && 'log-error', isSelected && 'log-selected', isCurrent && 'log-current'].filter(Boolean).join(' ')
    element.line({
      line,
      text: this.store.text(line),
      needle: this.#finder?.needle ?? '',
      nth: this.#finder?.nthOn(line) ?? -1,
      whole: this.#whole.has(line),
      more: this.options.more,
      look,
    })
  }

  /** Whether a row was higher or lower than thought. What is above the view does not push it. */
  #learnHeights(first: number, last: number): boolean {
    const anchor = this.#follow || this.#wanted === 'end' ? null : this.#anchor()
    let changed = false
    for (let row = first; row < last; row += 1) {
      const what = this.#rows.row(row)
      const height = this.#pool.heightAt(row - first)
      if ('section' in what || height === 0) continue
      this.#heights.remember(what.line, height)
      if (height === this.#rows.heightOf(row)) continue
      this.#rows.setHeight(row, height)
      changed = true
    }
    if (!changed) return false
    this.#top = anchor ? this.#rows.top(this.#rows.of(anchor.row)) + anchor.offset : this.#bottom()
    this.#top = Math.max(0, Math.min(this.#top, this.#bottom()))
    return true
  }

  // Places

  #bottom(): number {
    return Math.max(0, this.#rows.height - this.#canvas.height)
  }

  #anchor(): { row: Row; offset: number } | null {
    if (this.#rows.count === 0) return null
    const row = this.#rows.at(this.#top)
    return { row: this.#rows.row(row), offset: this.#top - this.#rows.top(row) }
  }

  #firstLine(): number {
    const row = this.#rows.count > 0 ? this.#rows.row(this.#rows.at(this.#top)) : { line: 1 }
    return 'line' in row ? row.line : Math.max(1, this.#folds.sections()[row.section]!.firstLine)
  }

  /** 0 if there is none. */
  #currentLine(): number {
    return this.#current && 'line' in this.#current ? this.#current.line : 0
  }

  /** Unfolds what hides a line. */
  #open(line: number): void {
    if (this.#rows.shows(line)) return
    if (this.#onlyProblems) this.#onlyProblems = false
    const section = this.#rows.sectionOf(line)
    if (section >= 0) this.#folds.set(section, false)
    this.#layOut()
    this.#teller.now()
  }

  #show(line: number): void {
    this.#current = { line }
    if (this.#stale) this.#layOut()
    this.#open(line)
    this.#keepInSight(this.#rows.of({ line }))
  }

  #keepInSight(row: number): void {
    const top = this.#rows.top(row)
    const bottom = top + this.#rows.heightOf(row)
    if (top < this.#top || bottom > this.#top + this.#canvas.height) {
      const isNear = top > this.#top - 3 * LINE_HEIGHT && bottom < this.#top + this.#canvas.height + 3 * LINE_HEIGHT
      if (!isNear) this.#scrollTo(top - this.#canvas.height / 3)
      else this.#scrollTo(top < this.#top ? top : bottom - this.#canvas.height)
    } else this.#schedule()
  }

  #scrollTo(top: number): void {
    this.#wanted = null
    this.#top = Math.max(0, Math.min(top, this.#bottom()))
    this.#frames.request(true)
  }

  #pick(line: number, extend: boolean): void {
    const from = extend && this.#selected ? this.#selected.from : line
    this.#selected = { from: Math.min(from, line), to: Math.max(from, line) }
    this.options.picked(this.#selected)
    this.#schedule()
  }

  #showWhole(line: number): void {
    this.setFollow(false)
    this.#whole.add(line)
    this.#schedule()
  }

  #showMatch(line: number): void {
    if (line === 0) return
    this.setFollow(false)
    this.#show(line)
    this.#teller.now()
  }

  #onScanned(first: boolean): void {
    if (first && this.#finder) this.#showMatch(this.#finder.toFirst(this.#firstLine()))
    else this.#teller.soon()
  }

  #reshape(): void {
    this.#stale = true
    this.#schedule()
  }

  /** What the bar above shows. */
  get #state(): ViewState {
    return {
      follow: this.#follow,
      fresh: this.#follow || this.#paused === null ? 0 : this.store.count - this.#paused,
      lines: this.store.count,
      problems: this.store.problems.length,
      onlyProblems: this.#onlyProblems,
      wrap: this.#wrap,
      complete: this.store.complete,
      search: this.#finder?.state ?? null,
    }
  }
}

function same(one: Row, other: Row): boolean {
  return 'line' in one ? 'line' in other && one.line === other.line : 'section' in other && one.section === other.section
}
