// Arabic is laid out from the right, so nothing may say left or right where it means start or end: utilities in src/**/*.{ts,tsx},
// declarations in src/**/*.css. A rule of CSS that says its own direction (a [dir] in its selector, a `direction`) may, and so may the
// rows of a log, which are laid out from the left in every language.

import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const UTILITIES = [
  /(?<=^|[\s"'`:])-?(?:[mp][lr]|scroll-[mp][lr]|left|right)-(?:\d|\[|\(|px\b|auto\b|full\b)[^\s"'`]*/g,
  /(?<=^|[\s"'`:])(?:(?:text|float|clear|origin)-(?:left|right)|(?:border|rounded)-(?:l|r|tl|tr|bl|br))(?=$|[\s"'`-])/g,
]
const STYLES = /\b(?:margin|padding|border|inset)(?:Left|Right)\w*(?=\s*:)|\btextAlign:\s*'(?:left|right)'|(?<=[{,]\s*)(?:left|right):/g
const DECLARATIONS = /(?<=^|[{;\s])(?:(?:margin|padding|border|scroll-margin|scroll-padding)-(?:left|right)[\w-]*|border-(?:top|bottom)-(?:left|right)-radius|left|right)\s*:|(?:text-align|float|clear)\s*:\s*(?:left|right)/g

const problems = []
for (const file of filesOf('src')) {
  const text = readFileSync(file, 'utf8')
  if (/\.tsx?$/.test(file)) {
    for (const pattern of [...UTILITIES, STYLES]) report(file, text, pattern)
  } else if (file.endsWith('.css')) {
    for (const { 0: rule, index } of text.matchAll(/[^{}]*\{[^{}]*\}/g)) {
      if (!/\[dir|:dir\(|direction\s*:|\.log-(?:number|text)\b/.test(rule)) report(file, text, DECLARATIONS, index, index + rule.length)
    }
  }
}
if (problems.length > 0) {
  console.error(`${problems.join('\n')}\nSay start and end (ms-2, inset-inline-start, text-start): Arabic is laid out from the right.`)
  process.exit(1)
}

function report(file, text, pattern, from = 0, to = text.length) {
  for (const { 0: found, index } of text.slice(from, to).matchAll(pattern)) {
    problems.push(`web/${file}:${text.slice(0, from + index).split('\n').length}: ${found.trim()}`)
  }
}

function filesOf(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
}
