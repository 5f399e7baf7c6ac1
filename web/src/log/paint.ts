/**
 * One row of the log in the DOM. Everything a build wrote becomes text nodes, never HTML; what is already painted is left alone.
 */

import { plain, type Span, spansOf } from '~/log/ansi'
import { found } from '~/log/search'

/** Characters of a line that are painted. The server keeps 16 KiB of one; a screenful of those would hold up every frame. */
export const PAINTED = 4_096

export type LinePaint = {
  line: number
  id: number
  /** What stands before it. */
  label: string
  text: string
  /** In lower case; empty: nothing is searched. */
  needle: string
  /** Which match of this line is the current one; -1: none. */
  nth: number
  whole: boolean
  /** What is offered at the end of a line that is cut. */
  more: (characters: number) => string
  look: string
}

export class RowElement {
  readonly root = document.createElement('div')
  #number = document.createElement('span')
  #text = document.createElement('span')
  #painted = ''
  #look = ''

  constructor() {
    this.#number.className = 'log-number'
    this.#number.setAttribute('aria-hidden', 'true')
    this.#text.className = 'log-text'
    this.root.append(this.#number, this.#text)
  }

  line(paint: LinePaint): void {
    this.#wear(`log-row ${paint.look}`)
    const key = `${paint.line}/${paint.id}/${paint.label}/${paint.nth}/${paint.whole}/${paint.needle}/${paint.text.length}`
    if (key === this.#painted) return
    if (this.#painted.startsWith('heading')) this.root.replaceChildren(this.#number, this.#text)
    this.#painted = key
    this.root.dataset.line = String(paint.line)
    delete this.root.dataset.section
    write(this.#number, paint.label)
    this.#paintText(paint)
  }

  heading(section: number, folded: boolean, content: HTMLElement, look: string): void {
    this.#wear(`log-step ${look}`)
    const key = `heading/${section}/${folded}/${content.outerHTML}`
    if (key === this.#painted) return
    this.#painted = key
    delete this.root.dataset.line
    this.root.dataset.section = String(section)
    const copy = content.cloneNode(true) as HTMLElement
    copy.setAttribute('aria-expanded', String(!folded))
    this.root.replaceChildren(copy)
  }

  #wear(look: string): void {
    if (look === this.#look) return
    this.#look = look
    this.root.className = look
  }

  #paintText({ text, needle, nth, whole, more }: LinePaint): void {
    const isCut = !whole && text.length > PAINTED
    const spans = spansOf(isCut ? text.slice(0, PAINTED) : text)
    const hits = needle === '' ? [] : found(spans.map((span) => span.text).join(''), needle)
    if (!isCut && hits.length === 0 && spans.length === 1 && spans[0]!.look === '') {
      write(this.#text, spans[0]!.text)
      return
    }
    this.#text.replaceChildren(...nodesOf(spans, hits, needle.length, nth))
    if (isCut) this.#text.append(moreButton(more(plain(text).length)))
  }
}

/** Keeps the text node that is there: much the cheapest change. */
function write(element: HTMLElement, text: string): void {
  const node = element.firstChild
  if (node instanceof Text && node === element.lastChild) node.data = text
  else element.textContent = text
}

function moreButton(words: string): HTMLButtonElement {
  const button = document.createElement('button')
  button.type = 'button'
  button.tabIndex = -1
  button.className = 'log-more'
  button.dataset.whole = ''
  button.textContent = words
  return button
}

/** The spans, with the matches marked; a match may reach over several. */
function nodesOf(spans: readonly Span[], hits: readonly number[], length: number, nth: number): Node[] {
  const nodes: Node[] = []
  let column = 0
  let hit = 0
  for (const { text, look } of spans) {
    let at = 0
    while (at < text.length) {
      while (hit < hits.length && hits[hit]! + length <= column + at) hit += 1
      const start = (hits[hit] ?? Infinity) - column
      const inside = start <= at
      const end = Math.min(text.length, inside ? start + length : start)
      nodes.push(node(text.slice(at, end), look, inside ? (hit === nth ? 'log-hit log-hit-now' : 'log-hit') : ''))
      at = end
    }
    column += text.length
  }
  return nodes
}

function node(text: string, look: string, hit: string): Node {
  if (look === '' && hit === '') return document.createTextNode(text)
  const element = document.createElement(hit === '' ? 'span' : 'mark')
  element.className = hit === '' ? look : `${hit} ${look}`
  element.textContent = text
  return element
}
