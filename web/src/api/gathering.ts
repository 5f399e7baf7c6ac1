/**
 * Many events tell of one thing: what they concern is fetched for the first of them at once, and for all that come meanwhile once
 * more, when that fetch is over and a moment has passed. So there is never more than one fetch of a thing under way.
 */

/** Events of one cause arrive within it. */
export const MOMENT_MS = 200

export class Gathering {
  private readonly underWay = new Map<string, { again: boolean }>()

  constructor(private readonly refresh: (key: readonly unknown[]) => Promise<unknown>) {}

  note(key: readonly unknown[]): void {
    const name = JSON.stringify(key)
    const turn = this.underWay.get(name)
    if (turn) turn.again = true
    else void this.run(name, key)
  }

  private async run(name: string, key: readonly unknown[]): Promise<void> {
    const turn = { again: true }
    this.underWay.set(name, turn)
    while (turn.again) {
      turn.again = false
      await this.refresh(key)
      await new Promise((resolve) => setTimeout(resolve, MOMENT_MS))
    }
    this.underWay.delete(name)
  }
}
