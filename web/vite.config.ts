import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

import { lingui } from '@lingui/vite-plugin'
import babel from '@rolldown/plugin-babel'
import tailwind from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

/** Compresses what the binary will serve, once and for all, when it is written: nothing is compressed while somebody waits. */
function compressed(): Plugin {
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY }
  return {
    name: 'compressed',
    apply: 'build',
    // Not earlier: Vite still changes the scripts while it makes the bundle.
    writeBundle({ dir = '' }) {
      for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
        if (!/\.(js|css|html|svg)$/.test(entry.name)) continue
        const file = join(entry.parentPath, entry.name)
        const text = readFileSync(file)
        writeFileSync(`${file}.br`, brotliCompressSync(text, { params }))
        writeFileSync(`${file}.gz`, gzipSync(text, { level: 9 }))
      }
    },
  }
}

/** Hands the files of every `import()` to `shell/fetched` instead of to `<link rel="modulepreload">`, which cannot fail and be tried again. */
function fetchedFirst(): Plugin {
  return {
    name: 'fetched-first',
    apply: 'build',
    transform: {
      filter: { id: /^\0vite\/preload-helper\.js$/ },
      handler: () => "export { fetchedFirst as __vitePreload } from '/src/shell/fetched.ts'",
    },
  }
}

/** Where the API answers while one works on the dashboard (`npm run dev`); its BERTH_PUBLIC_URL is the address of this one. */
const api = process.env.BERTH_URL ?? 'http://localhost:3000'

export default defineConfig({
  resolve: { alias: { '~': new URL('./src', import.meta.url).pathname } },
  plugins: [react(), babel({ plugins: ['@lingui/babel-plugin-lingui-macro'] }), lingui(), tailwind(), fetchedFirst(), compressed()],
  build: {
    target: 'es2022',
    manifest: true,
    // The policy allows no inline script or style and no data: fonts.
    assetsInlineLimit: 0,
    // A module that imports nothing is fetched first as well.
    modulePreload: { polyfill: false, resolveDependencies: (file, files, { hostType }) => (hostType === 'html' || files.includes(file) ? files : [file, ...files]) },
    // Styles come with the page: what is fetched later is scripts alone.
    cssCodeSplit: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          // What the first page needs is one file, whatever pages share parts of it: forty small ones compress worse and are asked
          // for one by one. The entry stays apart from it, so that the manifest has one.
          groups: [{ name: 'first', tags: ['$initial'], test: /^(?!.*\/(index\.html|src\/main\.tsx))/ }],
        },
      },
    },
  },
  server: {
    proxy: Object.fromEntries(['/api', '/socket.io', '/health'].map((path) => [path, { target: api, ws: true, changeOrigin: false }])),
  },
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
})
