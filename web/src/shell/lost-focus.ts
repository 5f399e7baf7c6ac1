/**
 * What has the focus may go: a form that was given up, a row that was removed, a step that was done. Browsers then put the focus at
 * the top of the page, and whoever goes by keyboard or by ear begins anew. Here it goes to what took the place of what went.
 */

const FOCUSABLE = 'a[href], button:not(:disabled), input:not(:disabled), select:not(:disabled), textarea:not(:disabled), summary, [tabindex="0"]'
/** What closes gives the focus back to where it was opened: that place is remembered, not the inside. */
const OVER_THE_PAGE = '[role="dialog"], [role="alertdialog"], [role="menu"]'

/** An element, and the place that what had the focus has in it. */
type Place = { parent: Element; index: number }

/** Keeps the focus from getting lost until the function that it returns is called. */
export function keepFocus(): () => void {
  let last: Element | undefined
  let places: Place[] = []

  const remember = ({ target, type }: Event) => {
    const element = target instanceof Element ? (type === 'pointerdown' ? target.closest(FOCUSABLE) : target) : null
    if (element?.closest(OVER_THE_PAGE)) return
    last = element ?? undefined
    places = element ? placesOf(element) : []
  }
  const mend = () => {
    if (!last || last.isConnected || document.activeElement !== document.body) return
    const to = heirOf(places)
    last = undefined
    if (!to) return
    if (!to.matches(FOCUSABLE)) to.tabIndex = -1
    to.focus({ preventScroll: true })
  }

  const observer = new MutationObserver(mend)
  observer.observe(document.body, { childList: true, subtree: true })
  document.addEventListener('focusin', remember)
  document.addEventListener('pointerdown', remember)
  return () => {
    observer.disconnect()
    document.removeEventListener('focusin', remember)
    document.removeEventListener('pointerdown', remember)
  }
}

function placesOf(element: Element): Place[] {
  const places: Place[] = []
  for (let child = element; child.parentElement && child !== document.body; child = child.parentElement) {
    places.push({ parent: child.parentElement, index: [...child.parentElement.children].indexOf(child) })
  }
  return places
}

/** In a list the next row, else the one before; elsewhere the head of the panel around it, or the control before it. */
function heirOf(places: readonly Place[]): HTMLElement | undefined {
  const place = places.find(({ parent }) => parent.isConnected)
  if (!place || !place.parent.closest('#app')) return undefined
  const { parent, index } = place
  const part = parent.closest('.panel')
  const list = places.find(({ parent }) => parent.isConnected && parent.matches('ul, ol, dl'))
  if (list && list.parent.closest('.panel') === part) {
    const rows = list.parent.children
    const control = rows[Math.min(list.index, rows.length - 1)]?.querySelector<HTMLElement>(FOCUSABLE)
    if (control) return control
  }
  return part?.querySelector<HTMLElement>(`:scope > header :is(${FOCUSABLE})`)
    ?? part?.querySelector<HTMLElement>('h2')
    ?? [...(parent.children[index - 1]?.querySelectorAll<HTMLElement>(FOCUSABLE) ?? [])].at(-1)
    ?? document.querySelector<HTMLElement>('main h1')
    ?? undefined
}
