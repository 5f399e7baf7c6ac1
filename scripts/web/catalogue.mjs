// A catalogue of the dashboard (web/src/locales/*.po), read.

import { readFileSync } from 'node:fs'

/** What is said, by what it is called: the English message, after its context where it has one. */
export function messages(file) {
  const entry = /^(?:msgctxt ((?:".*"\n)+))?msgid ((?:".*"\n)+)msgstr ((?:".*"\n?)+)/gm
  const text = (quoted) => quoted.trim().split('\n').map((line) => JSON.parse(line)).join('')
  const found = [...readFileSync(file, 'utf8').matchAll(entry)]
  const named = found.map(([, context, id, words]) => [(context ? `${text(context)}: ` : '') + text(id), text(words)])
  return new Map(named.filter(([id]) => id !== ''))
}
