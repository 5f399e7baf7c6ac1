/**
 * The box of a log: a scroller, in it a canvas as high as all rows together, and in that a window with the rows that exist. What
 * the browser measures is asked for here, and nowhere else.
 */

const DIGITS = 3
/** Between the numbers and the text, in characters. */
const GAP = 4
/** At the end of the widest line, in pixels. */
const ROOM = 16
/** However narrow the page is, a wrapped line holds so many characters. */
const FEWEST_COLUMNS = 20

export class Canvas {
  /** Where the rows are put. */
  readonly window = document.createElement('div')
  #canvas = document.createElement('div')
  #height = 0
  #width = 0
  /** As high as the scroller gets. */
  #most = Infinity
  /** The width of one. */
  #character = 7.5

  constructor(private readonly scroller: HTMLElement) {
    this.#canvas.className = 'log-canvas'
    this.window.className = 'log-window'
    this.#canvas.append(this.window)
    scroller.replaceChildren(this.#canvas)
    // One stop of the tab key, whatever its rows are.
    scroller.tabIndex = 0
  }

  /** How much of it can be seen. */
  get height(): number {
    return this.#height
  }

  /** 0: it is not on the page. */
  get width(): number {
    return this.#width
  }

  remove(): void {
    this.scroller.replaceChildren()
  }

  /** Looks how large it is now; whether it has another width than before. */
  measure(): boolean {
    const { clientWidth, clientHeight } = this.scroller
    this.#height = clientHeight
    this.#most = Infinity
    if (clientWidth === this.#width) return false
    this.#width = clientWidth
    this.scroller.style.setProperty('--log-width', `${clientWidth}px`)
    const probe = document.createElement('span')
    probe.className = 'log-text'
    probe.style.position = 'absolute'
    probe.textContent = 'm'.repeat(50)
    this.#canvas.append(probe)
    this.#character = probe.getBoundingClientRect().width / 50 || this.#character
    probe.remove()
    return true
  }

  /** How many characters of a wrapped line stand side by side, after labels of so many. */
  columns(label: number): number {
    return Math.max(FEWEST_COLUMNS, Math.floor((this.#width - this.#gutter(label)) / this.#character))
  }

  /** As high as its rows. The scroller grows with them up to what the style sheet allows, and shrinks when they are folded. */
  setHeight(rows: number): void {
    const height = `${rows}px`
    if (this.#canvas.style.height === height) return
    this.#canvas.style.height = height
    if (rows >= this.#height && this.#height >= this.#most) return
    this.scroller.style.height = height
    this.#height = this.scroller.clientHeight
    if (this.#height < rows) this.#most = this.#height
  }

  /** As wide as `widest` characters need after labels of so many; `null`: lines are wrapped. */
  setWidth(widest: number | null, label: number): void {
    const width = widest === null ? '' : `${Math.ceil(widest * this.#character + this.#gutter(label) + ROOM)}px`
    if (this.#canvas.style.minWidth !== width) this.#canvas.style.minWidth = width
    const digits = String(Math.max(DIGITS, label))
    if (this.scroller.style.getPropertyValue('--log-digits') !== digits) this.scroller.style.setProperty('--log-digits', digits)
    this.scroller.classList.toggle('wrap', widest === null)
  }

  /** Puts the window so far from the top. */
  place(top: number): void {
    this.window.style.transform = `translateY(${top}px)`
  }

  scrollTo(top: number): void {
    if (Math.abs(this.scroller.scrollTop - top) >= 1) this.scroller.scrollTop = top
  }

  #gutter(label: number): number {
    return (Math.max(DIGITS, label) + GAP) * this.#character
  }
}
