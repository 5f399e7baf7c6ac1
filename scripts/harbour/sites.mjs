// What the harbour's repositories hold besides the examples: sites of a file or two, with builds that take a second.

/** A site whose build writes one page, and fails, waits or logs as told. */
export function notes(title, { build = '', wait = 0 } = {}) {
  return {
    'package.json': json({ name: 'notes', private: true, type: 'module', scripts: { build: 'node build.js' } }),
    'build.js': `import { mkdirSync, writeFileSync } from 'node:fs'
${build}
console.log(${JSON.stringify(`rendering ${title}`)})
${wait ? `await new Promise((done) => setTimeout(done, ${wait}))\n` : ''}mkdirSync('dist', { recursive: true })
writeFileSync('dist/index.html', ${JSON.stringify(page(title))})
console.log('wrote dist/index.html')
`,
  }
}

/** Uses more memory than Node may: what a build too big for its limit looks like. */
export const TOO_MUCH_MEMORY = `import { setFlagsFromString } from 'node:v8'
setFlagsFromString('--max-old-space-size=48')
const year = []
for (let day = 1; ; day++) {
  year.push(Array.from({ length: 20_000 }, (_, tide) => ({ day, tide })))
  if (day % 5 === 0) console.log(\`rendered \${day} of 365 days\`)
}`

/** A page whose heading is `title`. */
export function page(title) {
  const language = /[\u0600-\u06ff]/.test(title) ? 'ar" dir="rtl' : 'en'
  return `<!doctype html>
<html lang="${language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>body { font: 18px/1.5 system-ui; max-inline-size: 36em; margin: 4em auto; padding-inline: 1em }</style>
<h1>${title}</h1>
<p>High water at 06:12 and 18:40.</p>
</html>
`
}

const json = (value) => `${JSON.stringify(value, null, 2)}\n`
