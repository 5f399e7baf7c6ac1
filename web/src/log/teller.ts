/** Tells how something stands: at once where somebody did something, a few times a second where numbers run. */

/** Numbers that run are not read faster; in milliseconds. */
const PAUSE = 250

export class Teller {
  #told = 0
  #waiting: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly tell: () => void) {}

  now(): void {
    this.stop()
    this.#told = performance.now()
    this.tell()
  }

  soon(): void {
    this.#waiting ??= setTimeout(() => this.now(), Math.max(0, this.#told + PAUSE - performance.now()))
  }

  stop(): void {
    clearTimeout(this.#waiting)
    this.#waiting = undefined
  }
}
