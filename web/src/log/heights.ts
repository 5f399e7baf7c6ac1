/** Heights of rows with their sums: every question and change costs the logarithm of their number (a Fenwick tree). */
export class Heights {
  #count = 0
  #values = new Float64Array(1_024)
  /** `#sums[i]` is the sum of the heights (i - lowest bit of i, i], counted from 1. */
  #sums = new Float64Array(1_025)

  get total(): number {
    return this.before(this.#count)
  }

  push(height: number): void {
    if (this.#count === this.#values.length) this.#grow()
    this.#values[this.#count] = height
    this.#count += 1
    const index = this.#count
    let sum = height
    for (let part = index - 1; part > index - (index & -index); part -= part & -part) sum += this.#sums[part]!
    this.#sums[index] = sum
  }

  at(row: number): number {
    return this.#values[row] ?? 0
  }

  set(row: number, height: number): void {
    const change = height - this.#values[row]!
    this.#values[row] = height
    for (let index = row + 1; index <= this.#count; index += index & -index) this.#sums[index]! += change
  }

  /** The height of the first `rows` together. */
  before(rows: number): number {
    let sum = 0
    for (let index = rows; index > 0; index -= index & -index) sum += this.#sums[index]!
    return sum
  }

  /** The row in which `y` falls. */
  indexAt(y: number): number {
    let index = 0
    let rest = y
    for (let bit = 2 ** Math.floor(Math.log2(Math.max(1, this.#count))); bit >= 1; bit /= 2) {
      if (index + bit <= this.#count && this.#sums[index + bit]! <= rest) {
        index += bit
        rest -= this.#sums[index]!
      }
    }
    return index
  }

  #grow(): void {
    const values = new Float64Array(this.#values.length * 2)
    values.set(this.#values)
    this.#values = values
    const sums = new Float64Array(values.length + 1)
    sums.set(this.#sums)
    this.#sums = sums
  }
}
