import { defineConfig } from '@lingui/cli'

export default defineConfig({
  sourceLocale: 'en',
  locales: ['en', 'nl', 'ar'],
  fallbackLocales: {},
  catalogs: [{ path: '<rootDir>/src/locales/{locale}', include: ['src'] }],
  orderBy: 'origin',
  formatOptions: { lineNumbers: false },
})
