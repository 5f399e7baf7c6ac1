/** What of the rows is their reader's: the one they are at, the lines they marked, those they see whole, what they search for. */

import type { Finder } from '~/log/finder'
import type { Lines } from '~/log/lines'
import type { Range } from '~/log/link'
import { PAINTED, type RowElement } from '~/log/paint'
import type { Row, Section } from '~/log/rows'

export class Marks {
  current: Row | null = null
  selected: Range | null = null
  finder: Finder | null = null
  /** What is marked wherever it stands, in lower case, while nothing is searched here: the server searched for it. */
  needle = ''
  /** What stands on the rows of the steps, in their order. */
  headings: readonly HTMLElement[] = []
  #whole = new Set<number>()

  constructor(
    private readonly store: Lines,
    private readonly more: (characters: number) => string,
  ) {}

  /** 0 if there is none. */
  get currentLine(): number {
    return this.current && 'line' in this.current ? this.current.line : 0
  }

  /** Characters of the longest line as it is shown. */
  get widest(): number {
    return Math.min(this.store.widest, this.#whole.size > 0 ? Infinity : PAINTED)
  }

  /** Whether the end of a line is not shown. */
  isCut(line: number): boolean {
    return this.store.text(line).length > PAINTED && !this.#whole.has(line)
  }

  showWhole(line: number): void {
    this.#whole.add(line)
  }

  /** Marks a line, or all from the first marked one to it. */
  pick(line: number, extend: boolean): Range {
    const from = extend && this.selected ? this.selected.from : line
    this.selected = { from: Math.min(from, line), to: Math.max(from, line) }
    return this.selected
  }

  /** So many lines came before the first (fewer than none: went), so all others have other numbers. */
  moved(by: number): void {
    const after = (line: number) => Math.max(1, line + by)
    if (this.current && 'line' in this.current) this.current = { line: after(this.current.line) }
    if (this.selected) this.selected = { from: after(this.selected.from), to: after(this.selected.to) }
    this.#whole = new Set([...this.#whole].map((line) => line + by))
  }

  paint(element: RowElement, row: Row, sections: readonly Section[]): void {
    const isCurrent = this.current !== null && same(this.current, row)
    if ('section' in row) {
      const heading = this.headings[row.section]
      if (heading) element.heading(row.section, sections[row.section]!.folded, heading, isCurrent ? 'log-current' : '')
      return
    }
    const { line } = row
    const isSelected = this.selected !== null && line >= this.selected.from && line <= this.selected.to
    const look = [this.store.isError(line) && 'log-error', isSelected && 'log-selected', isCurrent && 'log-current'].filter(Boolean).join(' ')
    element.line({
      line,
      id: this.store.idOf(line),
      label: this.store.label(line),
      text: this.store.text(line),
      needle: this.finder?.needle ?? this.needle,
      nth: this.finder?.nthOn(line) ?? -1,
      whole: this.#whole.has(line),
      more: this.more,
      look,
    })
  }
}

function same(one: Row, other: Row): boolean {
  return 'line' in one ? 'line' in other && one.line === other.line : 'section' in other && one.section === other.section
}
