// The catalogues hold what the source says, no more and no less, in every language. Extracted in a copy: a check changes nothing.

import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

import { messages } from './catalogue.mjs'

const { compileMessage } = createRequire(resolve('package.json'))('@lingui/message-utils/compileMessage')

const LOCALES = 'src/locales'
const SOURCE = 'en'

const copy = mkdtempSync(join(tmpdir(), 'berth-catalogues-'))
const problems = []
try {
  for (const part of ['src', 'lingui.config.ts', 'package.json', 'tsconfig.json']) cpSync(part, join(copy, part), { recursive: true })
  symlinkSync(resolve('node_modules'), join(copy, 'node_modules'))
  execFileSync('npx', ['--no-install', 'lingui', 'extract', '--clean', '--workers', '1'], { cwd: copy, stdio: ['ignore', 'ignore', 'pipe'] })

  for (const file of readdirSync(join(copy, LOCALES)).filter((name) => name.endsWith('.po'))) {
    const [kept, extracted] = [messages(join(LOCALES, file)), messages(join(copy, LOCALES, file))]
    const missing = [...extracted.keys()].filter((id) => !kept.has(id))
    const left = [...kept.keys()].filter((id) => !extracted.has(id))
    if (missing.length > 0) problems.push(`${file} lacks ${said(missing)}: run \`npm run messages\` in web/`)
    if (left.length > 0) problems.push(`${file} has what nothing says any more, ${said(left)}: run \`npm run messages\` in web/`)
    const untranslated = [...kept].filter(([, words]) => words === '').map(([id]) => id)
    if (untranslated.length > 0 && file !== `${SOURCE}.po`) problems.push(`${file} does not translate ${said(untranslated)}`)
    for (const [id, words] of kept) {
      const lost = placeholders(id).filter((name) => words !== '' && !placeholders(words).includes(name))
      if (lost.length > 0) problems.push(`${file} loses ${lost.join(' and ')} of ${JSON.stringify(id)}`)
    }
  }
} finally {
  rmSync(copy, { recursive: true, force: true })
}
if (problems.length > 0) {
  console.error(problems.map((problem) => `web/${LOCALES}/${problem}`).join('\n'))
  process.exit(1)
}

/** The values and elements that a message holds: `{name}`, `<0>`. */
function placeholders(words) {
  return [...new Set(compileMessage(words).flatMap(placeholdersOf))]
}

/** Those of a part: text, `[name]`, or `[name, format, forms]` where the forms of a plural are lists of parts. */
function placeholdersOf(part) {
  if (typeof part === 'string') return [...part.matchAll(/<\d+\/?>/g)].map(([element]) => element.replace('/', ''))
  const [name, format, forms] = part
  const inner = ['plural', 'select', 'selectordinal'].includes(format) ? Object.values(forms) : []
  // `offset` is among the forms, and is none.
  return [`{${name}}`, ...inner.flatMap((form) => (Array.isArray(form) ? form.flatMap(placeholdersOf) : []))]
}

function said(ids) {
  const first = ids.slice(0, 3).map((id) => JSON.stringify(id)).join(', ')
  return ids.length > 3 ? `${first} and ${ids.length - 3} more` : first
}
