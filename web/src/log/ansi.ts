/**
 * What a terminal would show of a line: text with colours and weights. Only colours and weights are read (SGR); titles and links (OSC),
 * cursor movements and everything unknown are dropped. Nothing here makes HTML.
 */

/** A part of a line that looks the same; `look` is a list of classes (log.css), empty for plain text. */
export type Span = { text: string; look: string }

const OSC = '\\x1b[\\]PX^_](?:[^\\x07\\x1b]|\\x1b(?!\\\\))*(?:\\x07|\\x1b\\\\|$)'
const CSI = '\\x1b\\[[0-?]*[ -/]*[@-~]?'
const OTHER = '\\x1b[ -/]*[0-~]?'
const CONTROLS = '[\\x00-\\x08\\x0b-\\x1f\\x7f\\x9b]'
const ESCAPES = new RegExp(`${OSC}|${CSI}|${OTHER}|${CONTROLS}`, 'g')
const UNPLAIN = /[\x00-\x08\x0b-\x1f\x7f\x9b]/

/** The text that remains: what is searched, copied and read out. */
export function plain(line: string): string {
  return UNPLAIN.test(line) ? lastSegment(line).replace(ESCAPES, '') : line
}

/** The parts of a line, in order. */
export function spansOf(line: string): Span[] {
  if (!UNPLAIN.test(line)) return [{ text: line, look: '' }]
  const spans: Span[] = []
  const style = new Style()
  const shown = lastSegment(line)
  let from = 0
  for (const match of shown.matchAll(ESCAPES)) {
    push(spans, shown.slice(from, match.index), style.look)
    from = match.index + match[0].length
    const sequence = match[0]
    if (sequence.startsWith('\x1b[') && sequence.endsWith('m')) style.read(sequence.slice(2, -1))
  }
  push(spans, shown.slice(from), style.look)
  return spans.length > 0 ? spans : [{ text: '', look: '' }]
}

function push(spans: Span[], text: string, look: string): void {
  if (text === '') return
  const last = spans.at(-1)
  if (last?.look === look) last.text += text
  else spans.push({ text, look })
}

/** A progress display writes over its own line: only what it wrote last counts. */
function lastSegment(line: string): string {
  const body = line.replace(/\r+$/, '')
  return body.slice(body.lastIndexOf('\r') + 1)
}

const NAMES = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const

class Style {
  look = ''
  #text = ''
  #ground = ''
  #manners = new Set<string>()

  read(parameters: string): void {
    const codes = parameters.split(/[;:]/).map((code) => (code === '' ? 0 : Number(code)))
    for (let at = 0; at < codes.length; at += 1) {
      const code = codes[at]!
      if (code === 38 || code === 48) {
        const [colour, taken] = extended(codes, at)
        if (code === 38) this.#text = colour && `log-${colour}`
        else this.#ground = colour && `log-on-${colour.replace('bright-', '')}`
        at += taken
      } else this.#set(code)
    }
    this.look = [this.#text, this.#ground, ...this.#manners].filter(Boolean).join(' ')
  }

  #set(code: number): void {
    if (code === 0) {
      this.#text = this.#ground = ''
      this.#manners.clear()
    } else if (code === 1) this.#manners.add('log-bold')
    else if (code === 2) this.#manners.add('log-dim')
    else if (code === 3) this.#manners.add('log-italic')
    else if (code === 4) this.#manners.add('log-underline')
    else if (code === 9) this.#manners.add('log-struck')
    else if (code === 22) this.#without('log-bold', 'log-dim')
    else if (code === 23) this.#without('log-italic')
    else if (code === 24) this.#without('log-underline')
    else if (code === 29) this.#without('log-struck')
    else if (code >= 30 && code <= 37) this.#text = `log-${NAMES[code - 30]}`
    else if (code >= 90 && code <= 97) this.#text = `log-bright-${NAMES[code - 90]}`
    else if (code === 39) this.#text = ''
    else if (code >= 40 && code <= 47) this.#ground = `log-on-${NAMES[code - 40]}`
    else if (code >= 100 && code <= 107) this.#ground = `log-on-${NAMES[code - 100]}`
    else if (code === 49) this.#ground = ''
  }

  #without(...manners: string[]): void {
    for (const manner of manners) this.#manners.delete(manner)
  }
}

/** The nearest of the sixteen to a colour of the larger palettes, and how many codes it took. */
function extended(codes: readonly number[], at: number): [colour: string, taken: number] {
  if (codes[at + 1] === 5) return [ofPalette(codes[at + 2] ?? 0), 2]
  if (codes[at + 1] === 2) return [nearest(codes[at + 2] ?? 0, codes[at + 3] ?? 0, codes[at + 4] ?? 0), 4]
  return ['', codes.length]
}

function ofPalette(code: number): string {
  if (code < 8) return NAMES[code]!
  if (code < 16) return `bright-${NAMES[code - 8]}`
  if (code >= 232) return code < 244 ? 'black' : 'white'
  const step = (value: number) => (value === 0 ? 0 : 55 + value * 40)
  const cube = code - 16
  return nearest(step(Math.floor(cube / 36)), step(Math.floor(cube / 6) % 6), step(cube % 6))
}

function nearest(red: number, green: number, blue: number): string {
  const most = Math.max(red, green, blue)
  if (most - Math.min(red, green, blue) < 40) return most < 128 ? 'black' : 'white'
  const half = most / 2 + Math.min(red, green, blue) / 2
  return NAMES[(red > half ? 1 : 0) + (green > half ? 2 : 0) + (blue > half ? 4 : 0)]!
}
