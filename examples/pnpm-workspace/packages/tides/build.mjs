// The site needs what this leaves in dist, so Berth builds it first.
import { mkdirSync, writeFileSync } from 'node:fs'

const hours = (24 + 50 / 60) / 2
mkdirSync('dist', { recursive: true })
writeFileSync('dist/index.js', `/** Hours between one high water and the next. */\nexport const BETWEEN_HIGH_WATERS = ${hours.toFixed(2)}\n`)
