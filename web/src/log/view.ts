/**
 * The log on the page: a scroller in which only the rows that can be seen exist. Outside React, because lines come faster than a
 * tree of components can be compared: whatever happens is gathered, and written to the DOM once a frame. Here is what the reader
 * and the page want of it, and what happens to its scroller.
 *
 * Not here: where lines come from (feed.ts), which rows there are (layout.ts), where the view is and when it is painted (scene.ts),
 * what a row looks like (marks.ts, paint.ts), the bar above and what is said to screen readers (viewer.tsx), keys (keys.ts).
 */

import { Finder } from '~/log/finder'
import type { Step } from '~/log/fold'
import { Layout } from '~/log/layout'
import type { Lines } from '~/log/lines'
import type { Range } from '~/log/link'
import { Marks } from '~/log/marks'
import type { Row } from '~/log/rows'
import { Scene } from '~/log/scene'
import { Teller } from '~/log/teller'

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
  #layout: Layout
  #marks: Marks
  #scene: Scene
  #teller = new Teller(() => this.options.changed(this.#state))
  #stops: (() => void)[] = []

  constructor(
    private readonly scroller: HTMLElement,
    private readonly store: Lines,
    private readonly options: ViewOptions,
  ) {
    this.#layout = new Layout(store, options.wrap)
    this.#marks = new Marks(store, options.more)
    this.#scene = new Scene(scroller, store, this.#layout, this.#marks, this.#teller, options.follow)
    const resized = new ResizeObserver(() => this.#scene.measure())
    resized.observe(scroller)
    const on = <K extends keyof HTMLElementEventMap>(name: K, heed: (event: HTMLElementEventMap[K]) => void) => {
      scroller.addEventListener(name, heed, { passive: true })
      this.#stops.push(() => scroller.removeEventListener(name, heed))
    }
    on('scroll', () => this.#scene.heedScroll())
    on('wheel', (event) => event.deltaY < 0 && this.setFollow(false))
    on('click', (event) => this.#onClick(event))
    const onSelection = () => this.#onSelection()
    document.addEventListener('selectionchange', onSelection)
    this.#stops.push(store.subscribe(() => this.#scene.schedule()), () => resized.disconnect(), () => document.removeEventListener('selectionchange', onSelection))
    this.#scene.measure()
  }

  destroy(): void {
    this.#scene.destroy()
    this.#marks.finder?.stop()
    this.#teller.stop()
    for (const stop of this.#stops) stop()
  }

  // What the reader, or the page, wants

  setSteps(steps: readonly Step[]): void {
    this.#layout.setSteps(steps, !this.#scene.follow && !this.#layout.isEmpty && !this.#scene.isAwaited)
    this.#scene.schedule()
  }

  /** What stands on the rows of the steps, in their order. */
  setHeadings(headings: readonly HTMLElement[]): void {
    this.#marks.headings = headings
    this.#scene.schedule()
  }

  setFollow(follow: boolean): void {
    this.#scene.setFollow(follow)
  }

  setWrap(wrap: boolean): void {
    this.#layout.setWrap(wrap)
    this.#scene.schedule()
    this.#teller.now()
  }

  setOnlyProblems(only: boolean): void {
    this.#layout.setOnlyProblems(only)
    this.#scene.schedule()
    this.#teller.now()
  }

  fold(section: number, folded: boolean): void {
    this.setFollow(false)
    this.#layout.fold(section, folded)
    this.#scene.schedule()
  }

  /** Shows lines and marks them, as soon as they are there. */
  goTo(range: Range, { mark = true } = {}): void {
    this.setFollow(false)
    this.#marks.selected = mark ? range : null
    this.#marks.current = { line: range.from }
    this.#scene.want(range)
  }

  goToEnd(): void {
    this.#scene.want('end')
  }

  goToStep(name: string): void {
    const section = this.#layout.sections.findIndex((each) => each.name === name)
    if (section < 0) return
    this.fold(section, false)
    this.#marks.current = { section }
    const { rows } = this.#layout
    this.#scene.scrollTo(rows.top(rows.of({ section })))
  }

  search(text: string): void {
    this.#marks.finder?.stop()
    this.#marks.finder = null
    if (text !== '') {
      this.setFollow(false)
      this.#marks.finder = new Finder(this.store, text, (first) => this.#onScanned(first))
      this.#marks.finder.scan()
    }
    this.#scene.schedule()
    this.#teller.now()
  }

  /** Marks a text that the server searched for. */
  mark(text: string): void {
    this.#marks.needle = text.toLowerCase()
    this.#scene.schedule()
  }

  /** So many lines came before the first one (fewer than none: went); what is seen stays. */
  moved(by: number): void {
    this.#marks.moved(by)
    this.#layout.moved()
    this.#scene.moved(by)
  }

  nextMatch(direction: 1 | -1): void {
    this.#showMatch(this.#marks.finder?.toNext(direction) ?? 0)
  }

  nextProblem(): void {
    const { problems } = this.store
    const after = this.#marks.currentLine
    const line = problems.find((problem) => problem > after) ?? problems[0]
    if (line === undefined) return
    this.setFollow(false)
    this.#scene.show(line)
  }

  /** Moves the current row; returns the line that is current now, or the section whose heading is. */
  move(by: number): Row | null {
    const { rows } = this.#layout
    if (rows.count === 0) return null
    this.setFollow(false)
    const { current } = this.#marks
    const from = current ? rows.of(current) : rows.at(this.#scene.top) - Math.sign(by)
    const row = Math.max(0, Math.min(rows.count - 1, from + by))
    this.#marks.current = rows.row(row)
    this.#scene.keepInSight(row)
    return this.#marks.current
  }

  page(direction: 1 | -1): void {
    if (direction < 0) this.setFollow(false)
    this.#scene.scrollByPage(direction)
  }

  /** To the end; following what comes while something can. */
  end(): void {
    this.#scene.scrollToEnd()
  }

  /** What Enter does: folds a step, shows the whole of a line, or marks it. */
  activate(extend: boolean): void {
    const { current } = this.#marks
    if (!current) return
    if ('section' in current) this.#toggle(current.section)
    else if (this.#marks.isCut(current.line)) this.#showWhole(current.line)
    else this.#pick(current.line, extend)
  }

  get current(): Row | null {
    return this.#marks.current
  }

  /** The lines that a link would name. */
  get linkable(): Range {
    const line = this.#marks.currentLine || this.#scene.firstLine
    return this.#marks.selected ?? { from: line, to: line }
  }

  // What happens to the scroller

  #onClick(event: MouseEvent): void {
    const target = event.target as HTMLElement
    const row = target.closest<HTMLElement>('[data-line], [data-section]')
    if (!row) return
    if (row.dataset.section !== undefined) {
      const section = Number(row.dataset.section)
      this.#marks.current = { section }
      return this.#toggle(section)
    }
    const line = Number(row.dataset.line)
    this.#marks.current = { line }
    if (target.closest('[data-whole]')) this.#showWhole(line)
    else if (target.closest('.log-number')) this.#pick(line, event.shiftKey)
    this.#scene.schedule()
  }

  #onSelection(): void {
    const selection = document.getSelection()
    if (this.#scene.follow && selection && !selection.isCollapsed && this.scroller.contains(selection.anchorNode)) this.setFollow(false)
  }

  // What follows

  #toggle(section: number): void {
    this.fold(section, !this.#layout.sections[section]!.folded)
  }

  #pick(line: number, extend: boolean): void {
    this.options.picked(this.#marks.pick(line, extend))
    this.#scene.schedule()
  }

  #showWhole(line: number): void {
    this.setFollow(false)
    this.#marks.showWhole(line)
    this.#scene.schedule()
  }

  #showMatch(line: number): void {
    if (line === 0) return
    this.setFollow(false)
    this.#scene.show(line)
    this.#teller.now()
  }

  #onScanned(first: boolean): void {
    if (first && this.#marks.finder) this.#showMatch(this.#marks.finder.toFirst(this.#scene.firstLine))
    else this.#teller.soon()
  }

  /** What the bar above shows. */
  get #state(): ViewState {
    return {
      follow: this.#scene.follow,
      fresh: this.#scene.fresh,
      lines: this.store.count,
      problems: this.store.problems.length,
      onlyProblems: this.#layout.onlyProblems,
      wrap: this.#layout.wraps,
      complete: this.store.complete,
      search: this.#marks.finder?.state ?? null,
    }
  }
}
