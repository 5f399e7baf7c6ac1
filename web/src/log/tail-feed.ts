/**
 * Brings the end of a service's log into its store: first the newest page, then lines from the socket as they are written, and
 * pages for what the socket did not bring. Older ones come when they are asked for. What is searched for the server searches:
 * pages hold only lines that match, and those of the socket are held against the same filter here.
 */

import type { TailLine, TailStore } from '~/log/tail-store'

export type TailPage = {
  /** By their numbers. */
  lines: TailLine[]
  /** Where it goes on to older ones; `null`: there are none. */
  before: number | null
  /** Where it goes on to newer ones; `null`: there are none yet. */
  after: number | null
  /** The number of the log's newest line, whether it matches or not. */
  newest: number
}

export type TailSources = {
  /** Hands over lines as they are written, whatever is searched for. A number that is left out is of a line that was not told. */
  listen: (take: (lines: readonly TailLine[]) => void) => () => void
  /** Says when something may have been missed. */
  onWake: (wake: () => void) => () => void
  /** The newest that match before a line of the log, or of all. */
  older: (before: number | undefined, limit: number) => Promise<TailPage>
  /** The oldest that match after a line of the log. */
  newer: (after: number, limit: number) => Promise<TailPage>
}

export type TailState = {
  /** The first page is there. */
  loaded: boolean
  older: 'none' | 'some' | 'coming'
  /** What was thrown when lines were asked for the last time; it is tried again. */
  problem: unknown
}

const PAGE = 1_000
/** The server looks through a part of the log at a time, so a page can be empty and others follow. So many are asked for at once. */
const PARTS = 10
/** Replicas write side by side, and what each wrote comes in its own piece: a gap may close by itself. */
const SOON = 500
const LATEST = 5_000
/** Lines ahead of a gap that are kept; what is beyond comes with a page. */
const MOST_AHEAD = 5_000
/** Who missed more than this reads the end, not what was between. */
const FAR = 20_000

export class TailFeed {
  #state: TailState = { loaded: false, older: 'none', problem: undefined }
  /** The newest line of the log up to which nothing is missing. */
  #seen = 0
  #ahead = new Map<number, TailLine>()
  #before: number | null = null
  #stops: (() => void)[] = []
  #stopped = false
  #fetching = false
  #again = false
  #tries = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly store: TailStore,
    private readonly sources: TailSources,
    private readonly matches: (line: TailLine) => boolean,
    private readonly told: (state: TailState) => void = () => undefined,
  ) {}

  start(): void {
    this.#stopped = false
    this.#stops = [
      this.sources.listen((lines) => this.#take(lines)),
      this.sources.onWake(() => this.#fetch()),
    ]
    this.#fetch()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    for (const stop of this.#stops.splice(0)) stop()
  }

  /** Fetches a page of what is older than what is there. */
  async goBack(): Promise<void> {
    const before = this.#before
    if (this.#state.older !== 'some' || before === null) return
    this.#tell({ older: 'coming' })
    try {
      const page = await this.#partsBefore(before)
      // The oldest went meanwhile, or all: this does not join what is there.
      if (this.#stopped || this.#before !== before) return
      this.store.prepend(page.lines)
      this.#setBefore(page.before)
      this.#tell({ problem: undefined })
    } catch (problem) {
      this.#tell({ older: 'some', problem })
    }
  }

  #take(lines: readonly TailLine[]): void {
    for (const line of lines) if (line.number > this.#seen && this.#ahead.size < MOST_AHEAD) this.#ahead.set(line.number, line)
    if (!this.#state.loaded) return
    const before = this.#seen
    this.#closeGap()
    if (this.#fetching || this.#state.problem !== undefined) return
    // A gap that closed is no reason to ask, nor is the next one yet.
    if (this.#seen > before) this.#calm()
    if (this.#ahead.size > 0) this.#later(SOON)
  }

  #closeGap(): void {
    const next: TailLine[] = []
    for (let line = this.#ahead.get(this.#seen + 1); line; line = this.#ahead.get(this.#seen + 1)) {
      this.#seen += 1
      this.#ahead.delete(this.#seen)
      if (this.matches(line)) next.push(line)
    }
    this.#append(next)
  }

  #append(lines: readonly TailLine[]): void {
    if (this.store.append(lines)) this.#setBefore(this.store.oldest ?? null)
  }

  /** Fetches what is missing, unless that is under way. */
  #fetch(): void {
    if (this.#stopped) return
    this.#again = true
    if (this.#fetching) return
    this.#calm()
    this.#fetching = true
    void this.#fetchAll().then(
      () => {
        this.#tries = 0
        this.#fetching = false
        if (this.#ahead.size > 0) this.#later(SOON)
      },
      (problem: unknown) => {
        this.#fetching = false
        this.#tell({ problem })
        this.#later(Math.min(LATEST, SOON * 2 ** this.#tries))
        this.#tries += 1
      },
    )
  }

  async #fetchAll(): Promise<void> {
    // What is asked for meanwhile may be newer than what is on its way.
    while (this.#again && !this.#stopped) {
      this.#again = false
      if (!this.#state.loaded) await this.#open()
      else await this.#catchUp()
      if (this.#stopped) return
      this.#dropSeen()
      this.#closeGap()
      this.#tell({ problem: undefined })
    }
  }

  async #open(): Promise<void> {
    const page = await this.#partsBefore(undefined)
    if (this.#stopped) return
    this.#seen = page.newest
    this.store.append(page.lines)
    this.#setBefore(page.before)
    this.#tell({ loaded: true })
  }

  async #catchUp(): Promise<void> {
    for (;;) {
      const page = await this.sources.newer(this.#seen, PAGE)
      if (this.#stopped) return
      if (page.newest - this.#seen > FAR && page.after !== null) {
        this.store.clear()
        return this.#open()
      }
      const lines = page.lines.filter(({ number }) => number > this.#seen)
      this.#seen = Math.max(this.#seen, page.after ?? page.newest)
      this.#append(lines)
      if (page.after === null) return
    }
  }

  /** A page of older lines, from as many parts of the log as it takes. */
  async #partsBefore(before: number | undefined): Promise<TailPage> {
    const page = await this.sources.older(before, PAGE)
    for (let part = 1; part < PARTS && page.lines.length === 0 && page.before !== null && !this.#stopped; part += 1) {
      const further = await this.sources.older(page.before, PAGE)
      page.lines = further.lines
      page.before = further.before
    }
    return page
  }

  #dropSeen(): void {
    for (const number of this.#ahead.keys()) if (number <= this.#seen) this.#ahead.delete(number)
  }

  #setBefore(before: number | null): void {
    this.#before = before
    this.#tell({ older: before === null ? 'none' : 'some' })
  }

  #later(after: number): void {
    this.#timer ??= setTimeout(() => this.#fetch(), after)
  }

  #calm(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #tell(change: Partial<TailState>): void {
    const next = { ...this.#state, ...change }
    if (next.loaded === this.#state.loaded && next.older === this.#state.older && next.problem === this.#state.problem) return
    this.#state = next
    this.told(next)
  }
}
