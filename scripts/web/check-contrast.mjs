// Every pair of text and ground in src/styles/tokens.css passes WCAG 2.2 AA in both themes: 4.5 for text, 3 for the edges of
// controls and the focus. Colours are OKLCH, and must lie inside sRGB: outside, browsers would show another one.

import { readFileSync } from 'node:fs'

const css = readFileSync('src/styles/tokens.css', 'utf8')
const light = tokens(css.match(/:root\{([\s\S]*?)\n\}/)?.[1])
const dark = { ...light, ...tokens(css.match(/:root\[data-theme=dark\]\{([\s\S]*?)\n\}/)?.[1]) }

const TEXT = 4.5
const EDGE = 3
const STATES = ['live', 'busy', 'fail', 'back', 'idle']
const GROUNDS = ['bg', 'surface', 'hover']
const ANSI = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white']

const PAIRS = [
  ...each(['text', 'text-2', 'text-3'], [...GROUNDS, 'sunken'], TEXT),
  ...each(['text', 'text-2'], ['fail-soft', 'accent-soft', 'live-soft', 'busy-soft'], TEXT),
  ...each(['accent', ...STATES], GROUNDS, TEXT),
  ...each(['line-2', 'focus'], GROUNDS, EDGE),
  ...STATES.map((state) => [state, `${state}-soft`, TEXT]),
  ...each(['accent'], ['accent-soft', 'fail-soft'], TEXT),
  ['on-accent', 'accent', TEXT],
  ...each(['log-text', 'log-num', ...ANSI.map((colour) => `a-${colour}`)], ['log-bg'], TEXT),
  ['log-text', 'hit', TEXT],
  ['a-red', 'fail-soft', TEXT],
]

const problems = []
for (const [theme, colours] of Object.entries({ light, dark })) {
  for (const [name, colour] of Object.entries(colours)) {
    if (linear(colour).some((channel) => channel < -0.002 || channel > 1.002)) problems.push(`${theme}: --${name} is outside sRGB`)
  }
  for (const [text, ground, least] of PAIRS) {
    const [a, b] = [text, ground].map((name) => luminance(colours[name], name))
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    if (ratio < least) problems.push(`${theme}: --${text} on --${ground} has a contrast of ${ratio.toFixed(2)}, less than ${least}`)
  }
}
if (problems.length > 0) {
  console.error(`${problems.join('\n')}\nMend the colours in web/src/styles/tokens.css.`)
  process.exit(1)
}

function each(texts, grounds, least) {
  return texts.flatMap((text) => grounds.map((ground) => [text, ground, least]))
}

/** The colours of a block of declarations: lightness, chroma and hue by name. */
function tokens(block) {
  if (!block) throw new Error('web/src/styles/tokens.css has no :root{…} or no :root[data-theme=dark]{…}')
  const declared = [...block.matchAll(/--([\w-]+):\s*oklch\(([\d.]+) ([\d.]+)(?: ([\d.]+))?\)/g)]
  return Object.fromEntries(declared.map(([, name, ...parts]) => [name, parts.map((part) => Number(part ?? 0))]))
}

function luminance(colour, name) {
  if (!colour) throw new Error(`web/src/styles/tokens.css has no --${name}`)
  const [red, green, blue] = linear(colour).map((channel) => Math.min(1, Math.max(0, channel)))
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** OKLCH to linear sRGB. */
function linear([lightness, chroma, hue]) {
  const a = chroma * Math.cos((hue * Math.PI) / 180)
  const b = chroma * Math.sin((hue * Math.PI) / 180)
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ]
}
