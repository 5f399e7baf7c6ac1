/**
 * Brings a build's lines into its store: pieces from the socket as they come, and pages from the API for what the socket did not
 * bring: what was before, what a reconnection or a sleeping machine missed, and every gap.
 */

import type { LogStore, Piece } from '~/log/store'

export type Page = { pieces: Piece[]; /** Lines of the page. */ count: number; complete: boolean }

export type Sources = {
  /** Hands over pieces of the build's log as they are written; returns how to stop that. */
  listen: (take: (piece: Piece) => void) => () => void
  /** Says when something may have been missed. */
  onWake: (wake: () => void) => () => void
  /** Lines after `after`, at most `limit`. */
  page: (after: number, limit: number) => Promise<Page>
}

/** At most this many lines are fetched at once. */
const PAGE = 5_000
/** Lines are stored a quarter of a second after they were told. */
const SOON = 300
const LATEST = 5_000

export class LogFeed {
  /** What was thrown when lines were asked for the last time; it is tried again. */
  problem: unknown
  #ended: boolean
  #stops: (() => void)[] = []
  #stopped = false
  #fetching = false
  #again = false
  #tries = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly store: LogStore,
    private readonly sources: Sources,
    ended: boolean,
    private readonly failed: (problem: unknown) => void = () => undefined,
  ) {
    this.#ended = ended
  }

  start(): void {
    this.#stopped = false
    this.#stops = [
      this.sources.listen((piece) => {
        this.store.take(piece)
        if (this.store.gap) this.fetch()
      }),
      this.sources.onWake(() => this.fetch()),
    ]
    this.fetch()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    for (const stop of this.#stops.splice(0)) stop()
  }

  /** The build has ended: what is stored by now is all there will be. */
  ended(): void {
    this.#ended = true
    this.fetch()
  }

  /** Fetches what is missing, unless that is under way. */
  fetch(): void {
    if (this.#stopped || this.store.complete) return
    this.#again = true
    if (this.#fetching) return
    clearTimeout(this.#timer)
    this.#fetching = true
    void this.#fetchAll().finally(() => {
      this.#fetching = false
      if (!this.#stopped && this.#isMissingSomething()) this.#later()
    })
  }

  async #fetchAll(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false
      try {
        const page = await this.sources.page(this.store.next - 1, PAGE)
        if (this.#stopped) return
        const before = this.store.next
        this.store.takeAll(page.pieces)
        this.#tell(undefined)
        if (page.complete) return this.store.end()
        if (this.store.next > before) this.#tries = 0
        if (page.count === PAGE) this.#again = true
      } catch (problem) {
        this.#tell(problem)
        return
      }
    }
  }

  /** Also the end itself, once the build has one. */
  #isMissingSomething(): boolean {
    return !this.store.complete && (this.store.gap || this.#ended || this.problem !== undefined)
  }

  #later(): void {
    this.#timer = setTimeout(() => this.fetch(), Math.min(LATEST, SOON * 2 ** this.#tries))
    this.#tries += 1
  }

  #tell(problem: unknown): void {
    if (problem === this.problem) return
    this.problem = problem
    this.failed(problem)
  }
}
