/**
 * A pasted .env, as its usual readers take it: `KEY=value`, `export KEY=value`, comments, values in quotes that go over several
 * lines. What cannot be taken is told with its line, and nothing of it is guessed.
 */

import { msg } from '@lingui/core/macro'
import type { MessageDescriptor } from '@lingui/core'

export type Kind = 'secret' | 'plain'

/** `line` counts from 1. */
export type Variable = { line: number; key: string; value: string; kind: Kind }
export type Remark = { line: number; key: string; reason: MessageDescriptor; isProblem: boolean }

export type Env = { variables: Variable[]; remarks: Remark[] }

/** Frameworks write values with these beginnings into the pages, so everybody can read them and none is a secret. */
const PUBLIC = /^(PUBLIC|VITE|NEXT_PUBLIC|NUXT_PUBLIC|REACT_APP|GATSBY|EXPO_PUBLIC|VUE_APP)_/

const ASSIGNMENT = /^\s*(?:export\s+)?([^\s=]+)\s*=(.*)$/s
const KEY = /^[A-Za-z_][A-Za-z0-9_]*$/

export function parseEnv(text: string): Env {
  const lines = text.split(/\r?\n/)
  const found = new Map<string, Variable>()
  const remarks: Remark[] = []
  for (let index = 0; index < lines.length; index++) {
    const written = lines[index]!
    const line = index + 1
    if (written.trim() === '') continue
    const commented = /^\s*#\s*([A-Za-z_][A-Za-z0-9_]*)=/.exec(written)
    if (commented) remarks.push({ line, key: commented[1]!, reason: msg`It is a comment.`, isProblem: false })
    if (written.trimStart().startsWith('#')) continue
    const [, key, rest] = ASSIGNMENT.exec(written) ?? []
    const problem = problemWith(key)
    if (key === undefined || rest === undefined || problem) {
      remarks.push({ line, key: key ?? written.trim().slice(0, 40), reason: problem ?? msg`A line is KEY=value; here the = is missing.`, isProblem: true })
      continue
    }
    const read = valueOf([rest, ...lines.slice(index + 1)])
    if (!read) {
      remarks.push({ line, key, reason: msg`The quote that begins its value does not end.`, isProblem: true })
      continue
    }
    index += read.lines - 1
    const before = found.get(key)
    if (before) remarks.push({ line: before.line, key, reason: msg`It is given again further down, and the last one counts.`, isProblem: false })
    found.delete(key)
    found.set(key, { line, key, value: read.value, kind: PUBLIC.test(key) ? 'plain' : 'secret' })
  }
  return { variables: [...found.values()], remarks: remarks.sort((a, b) => a.line - b.line) }
}

function problemWith(key: string | undefined): MessageDescriptor | undefined {
  if (key === undefined || KEY.test(key)) return undefined
  return /^\d/.test(key) ? msg`A key cannot start with a digit.` : msg`A key is made of letters, digits and _.`
}

/** The value that begins on the first of `lines`, and how many lines it takes. */
function valueOf(lines: readonly string[]): { value: string; lines: number } | undefined {
  const first = lines[0]!.trimStart()
  const quote = first[0]
  if (quote !== '"' && quote !== "'") return { value: first.replace(/\s+#.*$/, '').trimEnd(), lines: 1 }
  const text = [first, ...lines.slice(1)].join('\n')
  const end = endOf(text, quote)
  if (end === undefined) return undefined
  const inside = text.slice(1, end)
  return { value: quote === '"' ? unescaped(inside) : inside, lines: text.slice(0, end).split('\n').length }
}

/** Where the quote at the start ends; in double quotes a backslash takes the next character along. */
function endOf(text: string, quote: string): number | undefined {
  for (let at = 1; at < text.length; at++) {
    if (quote === '"' && text[at] === '\\') at++
    else if (text[at] === quote) return at
  }
  return undefined
}

const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t' }

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/gs, (_, character: string) => ESCAPES[character] ?? character)
}
