import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { TailFeed, type TailPage, type TailState } from './tail-feed'
import { matches } from './tail-sources'
import { type TailLine, TailStore } from './tail-store'
import { randomOf } from './testing'

/** A log that is written, told to whoever is connected, and searched part by part as the server does. */
class Server {
  lines: TailLine[] = []
  refuses = false
  /** Lines that are looked through for one page. */
  part = Infinity
  pages = 0
  latency = () => 10
  #listeners = new Set<(lines: readonly TailLine[]) => void>()
  #wakers = new Set<() => void>()

  constructor(private readonly wanted: (line: TailLine) => boolean) {}

  write(count: number, { heard = true, replicas = 1, text = 'line' } = {}): void {
    const first = this.lines.length + 1
    const written = Array.from({ length: count }, (_, index): TailLine => ({
      number: first + index, at: '2026-11-22T12:00:00Z', replica: 1 + (index % replicas), deploymentId: 1, stream: index % 5 === 4 ? 'stderr' : 'stdout', text: `${text} ${first + index}`,
    }))
    this.lines.push(...written)
    // What each replica wrote comes in its own piece.
    for (let replica = 1; replica <= replicas && heard; replica += 1) this.tell(written.filter((line) => line.replica === replica))
  }

  tell(lines: readonly TailLine[]): void {
    for (const take of this.#listeners) take(lines)
  }

  wake(): void {
    for (const wake of this.#wakers) wake()
  }

  sources() {
    return {
      listen: (take: (lines: readonly TailLine[]) => void) => {
        this.#listeners.add(take)
        return () => this.#listeners.delete(take)
      },
      onWake: (wake: () => void) => {
        this.#wakers.add(wake)
        return () => this.#wakers.delete(wake)
      },
      older: (before: number | undefined, limit: number) => this.#page(() => {
        const until = (before ?? this.lines.length + 1) - 1
        const from = Math.max(0, until - this.part)
        const found = this.lines.slice(from, until).filter(this.wanted)
        const lines = found.slice(-limit)
        const next = found.length > limit ? lines[0]!.number : from + 1
        return { lines, before: next > 1 ? next : null, after: null, newest: this.lines.length }
      }),
      newer: (after: number, limit: number) => this.#page(() => {
        const until = Math.min(this.lines.length, after + this.part)
        const found = this.lines.slice(after, until).filter(this.wanted)
        const lines = found.slice(0, limit)
        const next = found.length > limit ? lines.at(-1)!.number : until
        return { lines, before: null, after: next < this.lines.length ? next : null, newest: this.lines.length }
      }),
    }
  }

  async #page(answer: () => TailPage): Promise<TailPage> {
    this.pages += 1
    const { refuses } = this
    const page = answer()
    await new Promise((resolve) => setTimeout(resolve, this.latency()))
    if (refuses) throw new Error('not now')
    return page
  }
}

function started(filter = { query: '', stream: undefined as 'stderr' | undefined, replica: undefined as number | undefined }) {
  const wanted = matches(filter)
  const server = new Server(wanted)
  const store = new TailStore(() => undefined)
  const states: TailState[] = []
  const feed = new TailFeed(store, server.sources(), wanted, (state) => states.push(state))
  return { server, store, feed, states, wanted, numbers: () => Array.from({ length: store.count }, (_, index) => store.idOf(index + 1)) }
}

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, index) => first + index)

describe('the end of a log', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('opens with the newest page, follows, and goes back a page at a time', async () => {
    const { server, feed, states, numbers } = started()
    server.write(2_500)
    feed.start()
    await vi.advanceTimersByTimeAsync(50)
    expect(numbers()).toEqual(upTo(2_500, 1_501))
    expect(states.at(-1)).toEqual({ loaded: true, older: 'some', problem: undefined })
    server.write(3)
    expect(numbers().at(-1)).toBe(2_503)
    for (const oldest of [501, 1]) {
      const back = feed.goBack()
      await vi.advanceTimersByTimeAsync(50)
      await back
      expect(numbers()[0]).toBe(oldest)
    }
    expect(states.at(-1)!.older).toBe('none')
    expect(numbers()).toEqual(upTo(2_503))
  })

  test('replicas write side by side: what waits for another’s piece is no reason to ask', async () => {
    const { server, feed, numbers } = started()
    feed.start()
    await vi.advanceTimersByTimeAsync(50)
    for (let round = 0; round < 20; round += 1) {
      server.write(10, { replicas: 3 })
      await vi.advanceTimersByTimeAsync(100)
    }
    expect(numbers()).toEqual(upTo(200))
    expect(server.pages).toBe(1)
  })

  test('what the socket missed is fetched: after a reconnection, and when a gap stays', async () => {
    const { server, feed, numbers } = started()
    feed.start()
    await vi.advanceTimersByTimeAsync(50)
    server.write(5, { heard: false })
    server.wake()
    await vi.advanceTimersByTimeAsync(50)
    expect(numbers()).toEqual(upTo(5))
    server.write(5, { heard: false })
    server.write(1)
    expect(numbers()).toEqual(upTo(5))
    await vi.advanceTimersByTimeAsync(600)
    expect(numbers()).toEqual(upTo(11))
  })

  test('of what is searched the server gives what matches, part by part, and what comes is held against it', async () => {
    const { server, feed, states, numbers } = started({ query: 'NEEDLE', stream: undefined, replica: undefined })
    server.part = 100
    server.write(3, { text: 'needle' })
    server.write(350)
    feed.start()
    await vi.advanceTimersByTimeAsync(100)
    // Three parts without a match were gone through to the fourth.
    expect(numbers()).toEqual([1, 2, 3])
    expect(states.at(-1)!.older).toBe('none')
    server.write(2)
    server.write(1, { text: 'a needle' })
    expect(numbers()).toEqual([1, 2, 3, 356])
    server.write(204, { heard: false })
    server.write(1, { text: 'needle', heard: false })
    server.wake()
    await vi.advanceTimersByTimeAsync(100)
    expect(numbers()).toEqual([1, 2, 3, 356, 561])
  })

  test('who missed very much reads the end', async () => {
    const { server, feed, numbers } = started()
    server.write(10)
    feed.start()
    await vi.advanceTimersByTimeAsync(50)
    server.write(50_000, { heard: false })
    server.wake()
    await vi.advanceTimersByTimeAsync(100)
    expect(numbers()).toEqual(upTo(50_010, 49_011))
  })

  test('what is refused is told and tried again', async () => {
    const { server, feed, states, numbers } = started()
    server.write(3)
    server.refuses = true
    feed.start()
    await vi.advanceTimersByTimeAsync(50)
    expect(states.at(-1)!.problem).toEqual(new Error('not now'))
    server.refuses = false
    await vi.advanceTimersByTimeAsync(2_000)
    expect(states.at(-1)!.problem).toBeUndefined()
    expect(numbers()).toEqual(upTo(3))
  })

  test('nothing is lost and nothing doubled, whatever order things come in', async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const random = randomOf(seed)
      const { server, feed, wanted, numbers } = started(seed % 2 === 0 ? { query: '', stream: 'stderr', replica: undefined } : undefined)
      server.latency = () => 5 + random(300)
      server.part = 40 + random(400)
      server.write(random(2_000))
      feed.start()
      for (let turn = 0; turn < 60; turn += 1) {
        server.write(1 + random(30), { heard: random(4) > 0, replicas: 1 + random(3) })
        if (random(10) === 0) server.refuses = !server.refuses
        if (random(6) === 0) server.wake()
        await vi.advanceTimersByTimeAsync(random(400))
      }
      server.refuses = false
      server.wake()
      await vi.advanceTimersByTimeAsync(20_000)
      const all = server.lines.filter(wanted).map(({ number }) => number)
      expect(numbers(), `seed ${seed}`).toEqual(all.slice(-numbers().length))
      feed.stop()
    }
  })
})
