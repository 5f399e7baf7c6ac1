/** What a view needs of a log, whatever keeps it: a build's lines (store.ts), or the end of what a service writes (tail-store.ts). */

/** Lines are counted from 1, without gaps. */
export interface Lines {
  readonly count: number
  /** Nothing comes after what is there. */
  readonly complete: boolean
  /** Lines that tell of trouble. */
  readonly problems: readonly number[]
  /** Columns of the widest line. */
  readonly widest: number
  /** Characters of the widest label. */
  readonly gutter: number
  text(line: number): string
  isError(line: number): boolean
  /** The same for as long as the line is there, whatever comes before it. */
  idOf(line: number): number
  /** What stands before a line: its number, or its time. */
  label(line: number): string
  /** Calls back after every change; returns how to stop that. */
  subscribe(listener: () => void): () => void
}
