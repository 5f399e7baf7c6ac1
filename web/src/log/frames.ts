/**
 * When to paint: once a frame, whatever happened meanwhile. Where a frame took too long, new lines wait for every third one, and the
 * two between belong to whoever reads.
 */

/** Milliseconds; three frames of a display of 60 a second would be 50. */
const SLOW = 32
/** For so many frames after a slow one. */
const CALM = 90
/** A tab that was hidden, or a machine that slept, was not slow. */
const AWAY = 1_000

export class Frames {
  #handle = 0
  /** Something waits to be painted; at once: somebody waits for it. */
  #due = false
  #urgent = false
  #calm = 0
  #turn = 0
  #painted = 0

  constructor(private readonly paint: () => void) {}

  request(urgent = false): void {
    this.#due = true
    this.#urgent ||= urgent
    this.#handle ||= requestAnimationFrame((time) => this.#onFrame(time))
  }

  stop(): void {
    cancelAnimationFrame(this.#handle)
  }

  #onFrame(time: number): void {
    this.#handle = 0
    const took = time - this.#painted
    if (this.#painted > 0 && took > SLOW && took < AWAY) this.#calm = CALM
    this.#painted = 0
    if (!this.#due) return
    if (this.#mustWait()) return this.request()
    this.#due = this.#urgent = false
    this.paint()
    this.#painted = time
    // The next one tells how long this one took.
    this.#handle ||= requestAnimationFrame((next) => this.#onFrame(next))
  }

  #mustWait(): boolean {
    if (this.#calm === 0) return false
    this.#calm -= 1
    this.#turn = (this.#turn + 1) % 3
    return this.#turn > 0 && !this.#urgent
  }
}
