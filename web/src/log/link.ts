/** The lines that an address names: `#L12`, `#L12-L20`. */

export type Range = { from: number; to: number }

export function rangeOf(hash: string): Range | null {
  const match = /^#?L(\d{1,9})(?:-L?(\d{1,9}))?$/.exec(hash)
  if (!match) return null
  const one = Number(match[1])
  const other = Number(match[2] ?? match[1])
  return one > 0 && other > 0 ? { from: Math.min(one, other), to: Math.max(one, other) } : null
}

const LINE = 'L'

/** Without the `#`. */
export function hashOf({ from, to }: Range): string {
  return from === to ? `${LINE}${from}` : `${LINE}${from}-${LINE}${to}`
}
