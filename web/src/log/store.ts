/**
 * The lines of one log, outside React. Lines come twice, in pieces from the socket and in pages from the API, in any order;
 * what is kept has no gap and nothing twice: `next` is the number of the first line that is missing.
 *
 * Not here: asking for anything (feed.ts), folding and filtering (rows.ts), painting (view.ts).
 */

import { plain } from '~/log/ansi'
import type { Lines } from '~/log/lines'

/** Lines that follow each other; `first` is the number of the first, counted from 1. */
export type Piece = { first: number; texts: readonly string[]; stream: 'stdout' | 'stderr' }

/** Lines ahead of a gap that are kept; what is beyond comes with a page later. */
const MOST_AHEAD = 20_000

const STDERR = 1
const ERROR = 2
const SAYS_ERROR = /(?:^|[^a-z0-9_])(?:error|fatal|failed|err!)(?:$|[^a-z0-9_])/i

export class LogStore implements Lines {
  /** The number of the first line that is missing. */
  next = 1
  /** The build has ended and these are all its lines. */
  complete = false
  /** Counts the changes. */
  version = 0
  /** The numbers of the lines on standard error and of those that say that something failed. */
  readonly problems: number[] = []
  /** Columns of the widest line. */
  widest = 0

  #texts: string[] = []
  #flags = new Uint8Array(1_024)
  #ahead = new Map<number, Piece>()
  #linesAhead = 0
  #listeners = new Set<() => void>()

  /** Lines that are there. */
  get count(): number {
    return this.next - 1
  }

  /** Whether lines have come whose predecessors have not. */
  get gap(): boolean {
    return this.#ahead.size > 0
  }

  get gutter(): number {
    return String(this.count).length
  }

  idOf(line: number): number {
    return line
  }

  label(line: number): string {
    return String(line)
  }

  text(line: number): string {
    return this.#texts[line - 1] ?? ''
  }

  isError(line: number): boolean {
    return (this.#flags[line - 1]! & ERROR) !== 0
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Takes what is new of a piece. What comes too early waits until the gap before it is closed. */
  take(piece: Piece): void {
    this.takeAll([piece])
  }

  takeAll(pieces: Iterable<Piece>): void {
    const before = this.next
    for (const piece of pieces) {
      if (piece.first > this.next) this.#setAside(piece)
      else this.#append(piece)
    }
    this.#closeGaps()
    if (this.next > before) this.#changed()
  }

  /** Nothing comes after what is there. */
  end(): void {
    if (this.complete) return
    this.complete = true
    this.#changed()
  }

  #append({ first, texts, stream }: Piece): void {
    for (let at = this.next - first; at < texts.length; at += 1) {
      const text = texts[at]!
      const flags = flagsOf(text, stream)
      if (this.#flags.length < this.next) this.#flags = grown(this.#flags)
      this.#flags[this.next - 1] = flags
      this.#texts.push(text)
      if (flags !== 0) this.problems.push(this.next)
      if (text.length > this.widest) this.widest = Math.max(this.widest, columns(text))
      this.next += 1
    }
  }

  #setAside(piece: Piece): void {
    if (this.#linesAhead + piece.texts.length > MOST_AHEAD) return
    const same = this.#ahead.get(piece.first)
    if (same && same.texts.length >= piece.texts.length) return
    this.#linesAhead += piece.texts.length - (same?.texts.length ?? 0)
    this.#ahead.set(piece.first, piece)
  }

  #closeGaps(): void {
    if (this.#ahead.size === 0) return
    for (const piece of [...this.#ahead.values()].sort((one, other) => one.first - other.first)) {
      if (piece.first > this.next) return
      this.#append(piece)
      this.#ahead.delete(piece.first)
      this.#linesAhead -= piece.texts.length
    }
  }

  #changed(): void {
    this.version += 1
    for (const listener of this.#listeners) listener()
  }
}

function flagsOf(text: string, stream: Piece['stream']): number {
  return (stream === 'stderr' ? STDERR : 0) | (saysError(text) ? ERROR : 0)
}

/** Whether a line says that something failed. */
export function saysError(text: string): boolean {
  return SAYS_ERROR.test(plain(text))
}

function grown(flags: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(flags.length * 2)
  larger.set(flags)
  return larger
}

/** Of a line as it is shown. Han, Hangul, kana and emoji take two. */
export function columns(text: string): number {
  const shown = plain(text)
  const wide = shown.match(/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]/g)
  return shown.length + (wide?.length ?? 0)
}
