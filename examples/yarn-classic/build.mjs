// A build of one's own: Berth knows no framework here, and looks where the files are afterwards.
import { cpSync } from 'node:fs'
import { build } from 'esbuild'

await build({
  entryPoints: ['src/main.jsx'],
  outdir: 'build',
  bundle: true,
  minify: true,
  jsx: 'automatic',
  jsxImportSource: 'preact',
})
cpSync('src/index.html', 'build/index.html')
