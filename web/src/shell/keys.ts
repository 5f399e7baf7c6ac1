/**
 * Shortcuts. Single keys are off in fields, off where a part has keys of its own (`data-keys`: the log), and can be switched off
 * (WCAG 2.1.4); Ctrl+K or ⌘K always opens the palette.
 */

import { useNavigate } from '@tanstack/react-router'
import { useEffect, useRef, useSyncExternalStore } from 'react'

import { openOverlay } from '~/shell/overlay'
import { useWhere } from '~/shell/where'

/** How long `g` waits for its second key. */
const SEQUENCE_MS = 1_500
const SETTING = 'single-keys'

const listeners = new Set<() => void>()

/** Whether single keys do something. */
export function singleKeys(): boolean {
  return localStorage.getItem(SETTING) !== 'off'
}

export function switchSingleKeys(on: boolean): void {
  if (on) localStorage.removeItem(SETTING)
  else localStorage.setItem(SETTING, 'off')
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function useSingleKeys(): boolean {
  return useSyncExternalStore(subscribe, singleKeys)
}

/** Keys with a modifier, as it is written on this machine's keyboard: the palette's first. */
const IS_APPLE = /mac|iphone|ipad/i.test(navigator.userAgent)
export const COMMAND = IS_APPLE ? '⌘K' : 'Ctrl K'
/** What sends a form from anywhere in it. */
export const SEND = IS_APPLE ? '⌘↵' : 'Ctrl ↵'
/** What takes back what was done last. */
export const UNDO = IS_APPLE ? '⌘Z' : 'Ctrl Z'

const TYPING = 'input, textarea, select, [contenteditable], [data-keys], [role="dialog"], [role="alertdialog"], [role="menu"]'

function isTyping({ target }: KeyboardEvent): boolean {
  return target instanceof Element && target.closest(TYPING) !== null
}

export function useShortcuts(): void {
  const navigate = useNavigate()
  const { name, project } = useWhere()
  const sequence = useRef(0)
  useEffect(() => {
    const go: Record<string, () => unknown> = {
      p: () => navigate({ to: '/' }),
      ...(name !== undefined && {
        o: () => navigate({ to: '/projects/$project', params: { project: name } }),
        b: () => navigate({ to: '/projects/$project/builds', params: { project: name } }),
        s: () => navigate({ to: '/projects/$project/settings/{-$section}', params: { project: name } }),
      }),
    }
    const single: Record<string, () => unknown> = {
      n: () => navigate({ to: '/new' }),
      '/': () => document.querySelector<HTMLElement>('main [data-filter]')?.focus(),
      '?': () => openOverlay('keys'),
      j: () => stepRow(1),
      k: () => stepRow(-1),
      ...(project?.liveDeployment && { v: () => window.open(project.url, '_blank', 'noreferrer') }),
    }
    const heed = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing) return
      if (event.key.toLowerCase() === 'k' && (event.metaKey || event.ctrlKey) && !event.shiftKey && !event.altKey) {
        event.preventDefault()
        return openOverlay('palette')
      }
      if (event.metaKey || event.ctrlKey || event.altKey || !singleKeys() || isTyping(event)) return
      const second = event.timeStamp - sequence.current < SEQUENCE_MS
      sequence.current = event.key === 'g' && !second ? event.timeStamp : 0
      const act = second ? go[event.key] : single[event.key]
      if (!act) return
      event.preventDefault()
      act()
    }
    document.addEventListener('keydown', heed)
    return () => document.removeEventListener('keydown', heed)
  }, [navigate, name, project])
}

/** Moves the focus along the rows of a list: the first link of each `data-row`. */
function stepRow(step: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-row]')]
  const current = rows.findIndex((row) => row.contains(document.activeElement))
  const next = current === -1 ? (step === 1 ? 0 : rows.length - 1) : current + step
  rows[next]?.querySelector<HTMLElement>('a, button')?.focus()
}
