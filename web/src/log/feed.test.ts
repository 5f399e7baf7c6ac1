import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { LogFeed, type Page } from '~/log/feed'
import { LogStore, type Piece } from '~/log/store'
import { randomOf } from '~/log/testing'

/** A build that writes lines, tells them at once to whoever is connected, and stores them a little later. */
class Server {
  told = 0
  stored = 0
  ended = false
  refuses = false
  /** Pages that were asked for and how long they take to arrive. */
  latency = () => 10
  #listeners = new Set<(piece: Piece) => void>()
  #wakers = new Set<() => void>()

  constructor(readonly lines: readonly string[]) {}

  /** Writes the next lines; `heard`: the socket brings them. */
  write(count: number, heard = true): void {
    const first = this.told + 1
    const texts = this.lines.slice(this.told, this.told + count)
    this.told += texts.length
    if (heard && texts.length > 0) for (const listener of this.#listeners) listener({ first, texts, stream: 'stdout' })
  }

  store(): void {
    this.stored = this.told
  }

  wake(): void {
    for (const wake of this.#wakers) wake()
  }

  sources() {
    return {
      listen: (take: (piece: Piece) => void) => {
        this.#listeners.add(take)
        return () => this.#listeners.delete(take)
      },
      onWake: (wake: () => void) => {
        this.#wakers.add(wake)
        return () => this.#wakers.delete(wake)
      },
      page: async (after: number, limit: number): Promise<Page> => {
        const texts = this.lines.slice(after, Math.min(this.stored, after + limit))
        const complete = this.ended && after + texts.length >= this.stored
        const refused = this.refuses
        await new Promise((resolve) => setTimeout(resolve, this.latency()))
        if (refused) throw new Error('not now')
        return { pieces: texts.length > 0 ? [{ first: after + 1, texts, stream: 'stdout' }] : [], count: texts.length, complete }
      },
    }
  }
}

function started(lines: number, ended = false) {
  const server = new Server(Array.from({ length: lines }, (_, index) => `line ${index + 1}`))
  const store = new LogStore()
  const problems: unknown[] = []
  const feed = new LogFeed(store, server.sources(), ended, (problem) => problems.push(problem))
  return { server, store, feed, problems }
}

function textsOf(store: LogStore): string[] {
  return Array.from({ length: store.count }, (_, index) => store.text(index + 1))
}

describe('a feed', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('brings a finished log in pages', async () => {
    const { server, store, feed } = started(12_345, true)
    server.write(12_345)
    server.store()
    server.ended = true
    feed.start()
    await vi.runAllTimersAsync()
    expect(textsOf(store)).toEqual(server.lines)
    expect(store.complete).toBe(true)
  })

  test('asks for what the socket did not bring, again until it is stored', async () => {
    const { server, store, feed } = started(30)
    feed.start()
    await vi.advanceTimersByTimeAsync(50)
    server.write(10)
    server.write(10, false)
    server.write(5)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(store.count).toBe(10)
    server.store()
    await vi.advanceTimersByTimeAsync(3_000)
    expect(textsOf(store)).toEqual(server.lines.slice(0, 25))
    feed.stop()
  })

  test('finds after a sleep what was written meanwhile', async () => {
    const { server, store, feed } = started(6_000)
    feed.start()
    server.write(10)
    server.write(5_900, false)
    server.store()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(store.count).toBe(10)
    server.wake()
    await vi.advanceTimersByTimeAsync(100)
    expect(store.count).toBe(5_910)
    feed.stop()
  })

  test('says that lines could not be loaded, tries again, and says that it is over', async () => {
    const { server, store, feed, problems } = started(5, true)
    server.write(5)
    server.store()
    server.ended = server.refuses = true
    feed.start()
    await vi.advanceTimersByTimeAsync(2_000)
    expect(problems[0]).toBeInstanceOf(Error)
    server.refuses = false
    await vi.advanceTimersByTimeAsync(10_000)
    expect(problems.at(-1)).toBeUndefined()
    expect(store.complete).toBe(true)
  })

  test('waits for the end of a log that is not stored yet', async () => {
    const { server, store, feed } = started(20)
    feed.start()
    server.write(20)
    server.ended = true
    feed.ended()
    server.stored = 15
    await vi.advanceTimersByTimeAsync(5)
    server.store()
    await vi.runAllTimersAsync()
    expect(textsOf(store)).toEqual(server.lines)
    expect(store.complete).toBe(true)
  })

  test('asks for nothing once it was stopped', async () => {
    const { server, store, feed } = started(10)
    feed.start()
    feed.stop()
    server.write(5)
    server.store()
    server.wake()
    await vi.runAllTimersAsync()
    expect(store.count).toBe(0)
  })

  test('has every line once, whatever is lost, late or refused', async () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const random = randomOf(seed)
      const { server, store, feed } = started(500 + random(8_000))
      server.latency = () => random(400)
      feed.start()
      while (server.told < server.lines.length) {
        server.write(1 + random(60), random(10) > 1)
        if (random(3) === 0) server.store()
        if (random(8) === 0) server.wake()
        server.refuses = random(12) === 0
        await vi.advanceTimersByTimeAsync(random(120))
        expect(store.text(store.count)).toBe(store.count === 0 ? '' : `line ${store.count}`)
      }
      server.store()
      server.refuses = false
      server.ended = true
      feed.ended()
      await vi.advanceTimersByTimeAsync(30_000)
      expect(textsOf(store), `seed ${seed}`).toEqual(server.lines)
      expect(store.complete, `seed ${seed}`).toBe(true)
      feed.stop()
    }
  })
})
