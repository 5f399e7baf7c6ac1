// A project whose build prints a few lines calmly, then so many at such a rate, coloured as tools colour them, and then fails:
// the step of a failed build stays open, so that the whole log can be gone through afterwards. Lines begin with when they were
// printed, in milliseconds.

/** How long it waits before the first line, so that somebody is watching. */
const HEAD_START_MS = 15_000
/** Lines that are printed one by one, before "calm" says that there were all of them; and how long the flood waits after that. */
const CALM = { lines: 60, every: 50, rest: 2_000 }

const script = (lines, rate) => `
const lines = ${lines}
const every = 10
const wait = (ms) => new Promise((wake) => setTimeout(wake, ms))
const colours = [31, 32, 33, 34, 35, 36]
const line = (n) =>
  n % 1_000 === 0
    ? \`\\x1b[1;33m▲ [WARNING]\\x1b[0m week \${n / 1_000} needs a second look\`
    : \`\\x1b[90m\${Date.now()}\\x1b[0m \\x1b[\${colours[n % 6]}m[vite]\\x1b[0m transformed /src/pages/years/\${n}/index.html (+\${n % 97}ms)\`
console.log('waiting')
await wait(${HEAD_START_MS})
for (let n = 0; n < ${CALM.lines}; n += 1) {
  console.log(Date.now() + ' one line at a time')
  await wait(${CALM.every})
}
console.log('calm')
await wait(${CALM.rest})
const at = performance.now()
let printed = 0
const timer = setInterval(() => {
  const due = Math.min(lines, Math.floor(((performance.now() - at) / 1_000) * ${rate}))
  let text = ''
  for (; printed < due; printed += 1) text += line(printed + 1) + '\\n'
  if (text) process.stdout.write(text)
  if (printed < lines) return
  clearInterval(timer)
  process.stdout.write('done\\n', () => process.exit(1))
}, every)
`

/** The files of its repository. */
export function flood(lines, rate) {
  return {
    'package.json': `${JSON.stringify({ name: 'flood', private: true, type: 'module', scripts: { build: 'node print.js' } }, null, 2)}\n`,
    'print.js': script(lines, rate),
  }
}
