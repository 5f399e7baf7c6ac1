// A project whose build prints so many lines at such a rate, coloured as tools colour them, and then fails: the step of a
// failed build stays open, so that the whole log can be gone through afterwards.

/** How long it waits before the first line, so that somebody is watching. */
const HEAD_START_MS = 15_000

const script = (lines, rate) => `
const lines = ${lines}
const every = 10
const at = performance.now() + ${HEAD_START_MS}
const colours = [31, 32, 33, 34, 35, 36]
const line = (n) =>
  n % 1_000 === 0
    ? \`\\x1b[1;33m▲ [WARNING]\\x1b[0m week \${n / 1_000} needs a second look\`
    : \`\\x1b[90m14:02:\${String(n % 60).padStart(2, '0')}\\x1b[0m \\x1b[\${colours[n % 6]}m[vite]\\x1b[0m transformed /src/pages/years/\${n}/index.html (+\${n % 97}ms)\`
console.log('waiting')
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
