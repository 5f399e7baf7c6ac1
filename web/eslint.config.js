// What the type checker cannot see: text outside the catalogues, hooks that miss something, markup that leaves people out.

import lingui from 'eslint-plugin-lingui'
import a11y from 'eslint-plugin-jsx-a11y'
import hooks from 'eslint-plugin-react-hooks'
import typescript from 'typescript-eslint'

/** Text that nobody reads: one word in lower case (a class, a kind, a path), and what has no letter. */
const NOT_READ = ['^(?![A-Z])\\S+$', '^[^\\p{L}]*$']

/** Where text is meant for programs: attributes, constants, calls. */
const NAMES = ['className', 'd', 'viewBox', 'rel', 'look', { regex: { pattern: '^[A-Z_]+$' } }]
const CALLS = ['Error', 'lazyRouteComponent', 'matchMedia', '*.addEventListener', '*.closest', '*.matches', '*.querySelector', '*.querySelectorAll']

export default [
  { ignores: ['dist/', 'src/locales/', 'src/api/schema.ts'] },
  { linterOptions: { noInlineConfig: true } },
  { files: ['src/**/*.{ts,tsx}'], languageOptions: { parser: typescript.parser } },
  hooks.configs.flat.recommended,
  a11y.flatConfigs.recommended,
  lingui.configs['flat/recommended'],
  {
    files: ['src/**/*.{ts,tsx}'],
    rules: {
      // A message may name `build.branch`: what it becomes there, a number, is explained to translators by its context.
      'lingui/no-expression-in-message': 'off',
      // A label's text is often inside a `<span>` with a hint beside it.
      'jsx-a11y/label-has-associated-control': ['error', { depth: 4 }],
      // Base UI fills the element that its `render` is given.
      'jsx-a11y/anchor-has-content': 'off',
    },
  },
  {
    files: ['src/**/*.{ts,tsx}'],
    // The names of frameworks are the same in every language.
    ignores: ['src/**/*.test.ts', 'src/ui/framework.ts'],
    rules: { 'lingui/no-unlocalized-strings': ['error', { ignore: NOT_READ, ignoreNames: NAMES, ignoreFunctions: CALLS }] },
  },
]
