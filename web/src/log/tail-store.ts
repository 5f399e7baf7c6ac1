/**
 * The end of a service's log, outside React: the lines that match what is asked for, from as far back as somebody looked to the
 * newest. They are counted from 1 for the view; in the log they have numbers of their own, of which a filter leaves some out.
 *
 * Not here: asking for anything (tail-feed.ts), painting (view.ts).
 */

import type { Schema } from '~/api/client'
import type { Lines } from '~/log/lines'
import { columns, saysError } from '~/log/store'

export type TailLine = Schema['ServiceLineBody']

/** A page that is open for days keeps so many; then the oldest go, so many at once. */
const MOST = 50_000
const GOING = 10_000

const NO_PROBLEMS: readonly number[] = []
const TIME = 8
/** `11-21 ` */
const DATE = 6

type Kept = { line: TailLine; at: Date; isError: boolean }

export class TailStore implements Lines {
  readonly complete = false
  readonly problems = NO_PROBLEMS
  widest = 0
  #lines: Kept[] = []
  /** The largest number of a replica: where there is only one, nobody asks which. */
  #replicas = 1
  #hasOtherDays = false
  #listeners = new Set<() => void>()

  constructor(
    /** Lines came before the first, or went: all others have other numbers now. */
    private readonly moved: (by: number) => void,
    private readonly today: () => Date = () => new Date(),
  ) {}

  get count(): number {
    return this.#lines.length
  }

  get gutter(): number {
    return TIME + (this.#hasOtherDays ? DATE : 0) + (this.#replicas > 1 ? ` #${this.#replicas}`.length : 0)
  }

  /** The number in the log of the oldest line that is here. */
  get oldest(): number | undefined {
    return this.#lines[0]?.line.number
  }

  line(line: number): TailLine | undefined {
    return this.#lines[line - 1]?.line
  }

  text(line: number): string {
    return this.line(line)?.text ?? ''
  }

  isError(line: number): boolean {
    return this.#lines[line - 1]?.isError ?? false
  }

  idOf(line: number): number {
    return this.line(line)?.number ?? 0
  }

  /** `14:02:33`, `11-21 14:02:33 #2`: in the reader's time zone, with the day where there is more than one, and the replica. */
  label(line: number): string {
    const kept = this.#lines[line - 1]
    if (!kept) return ''
    const { at, line: { replica } } = kept
    const day = this.#hasOtherDays ? `${two(at.getMonth() + 1)}-${two(at.getDate())} ` : ''
    const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
    return `${day}${time}${this.#replicas > 1 && replica !== null ? ` #${replica}` : ''}`.padEnd(this.gutter)
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Adds what is newer than everything here. Returns whether the oldest went for it. */
  append(lines: readonly TailLine[]): boolean {
    if (lines.length === 0) return false
    this.#lines.push(...lines.map((line) => this.#kept(line)))
    const isFull = this.#lines.length > MOST
    if (isFull) {
      const going = this.#lines.length - MOST + GOING
      this.#lines = this.#lines.slice(going)
      this.moved(-going)
    }
    this.#changed()
    return isFull
  }

  /** Adds what is older than everything here. */
  prepend(lines: readonly TailLine[]): void {
    if (lines.length === 0) return
    this.#lines = [...lines.map((line) => this.#kept(line)), ...this.#lines]
    this.moved(lines.length)
    this.#changed()
  }

  clear(): void {
    const count = this.#lines.length
    this.#lines = []
    if (count > 0) this.moved(-count)
    this.#changed()
  }

  #kept(line: TailLine): Kept {
    const at = new Date(line.at)
    this.#replicas = Math.max(this.#replicas, line.replica ?? 1)
    this.#hasOtherDays ||= at.toDateString() !== this.today().toDateString()
    if (line.text.length > this.widest) this.widest = Math.max(this.widest, columns(line.text))
    return { line, at, isError: saysError(line.text) }
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}
