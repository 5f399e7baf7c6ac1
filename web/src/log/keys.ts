/** The log's keys: f w e n N y / and the arrows. Which of them are heeded depends on where the focus is. */

import type { LogView } from '~/log/view'

export type Commands = {
  follow: () => void
  wrap: () => void
  /** Where lines have addresses. */
  copyLink?: () => void
  toSearch: () => void
  /** Says the row that is current now. */
  say: () => void
}

/** Keys without modifiers that also work while the focus is elsewhere on the page, and can be switched off. */
function single(key: string, view: LogView, commands: Commands, searching: boolean): (() => unknown) | undefined {
  switch (key) {
    case 'f': return commands.follow
    case 'w': return commands.wrap
    case 'y': return commands.copyLink
    case 'e': return () => (view.nextProblem(), commands.say())
    // Without a search they do nothing, and above all not what `n` does on other pages.
    case 'n': return () => searching && (view.nextMatch(1), commands.say())
    case 'N': return () => searching && (view.nextMatch(-1), commands.say())
    case '/': return commands.toSearch
    default: return undefined
  }
}

function within(event: KeyboardEvent, view: LogView, commands: Commands): (() => void) | undefined {
  const move = (by: number) => () => (view.move(by), commands.say())
  switch (event.key) {
    case 'ArrowDown': return move(1)
    case 'ArrowUp': return move(-1)
    case 'Home': return move(-Infinity)
    case 'End': return () => view.end()
    case 'PageUp': return () => view.page(-1)
    case 'PageDown': return () => view.page(1)
    case 'Enter': return () => (view.activate(event.shiftKey), commands.say())
    default: return undefined
  }
}

const ELSEWHERE = 'input, textarea, select, [contenteditable], [role="dialog"], [role="alertdialog"], [role="menu"]'

/** Does what a key means for the log. */
export function heedKey(event: KeyboardEvent, region: HTMLElement, view: LogView, commands: Commands, { searching, singleKeys }: { searching: boolean; singleKeys: boolean }): void {
  if (event.defaultPrevented || event.isComposing || event.metaKey || event.ctrlKey || event.altKey) return
  const { target } = event
  if (!(target instanceof Element) || target.closest(ELSEWHERE)) return
  const isInside = region.contains(target)
  // While the focus is in the log they are the log's own, whatever is switched off.
  const act = (isInside ? within(event, view, commands) : undefined) ?? (isInside || singleKeys ? single(event.key, view, commands, searching) : undefined)
  if (!act) return
  event.preventDefault()
  act()
}
