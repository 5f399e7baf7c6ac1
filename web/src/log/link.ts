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

declare module '@tanstack/react-router' {
  interface HistoryState {
    /** How often a link to a place in the log was followed: a second time changes nothing of the address. */
    asked?: number
  }
}

/** The state of a link to a place in the log. */
export function askedAgain<S extends { asked?: number }>(before: S): S {
  return { ...before, asked: (before.asked ?? 0) + 1 }
}

/** Without the `#`. */
export function hashOf({ from, to }: Range): string {
  return from === to ? `${LINE}${from}` : `${LINE}${from}-${LINE}${to}`
}
