// What the type checker cannot see: text outside the catalogues, hooks that miss something, markup that leaves people out.

import lingui from 'eslint-plugin-lingui'
import a11y from 'eslint-plugin-jsx-a11y'
import hooks from 'eslint-plugin-react-hooks'
import typescript from 'typescript-eslint'

/** Text that nobody translates. */
const NOT_READ = [
  // One word in lower case: a class, a kind, a path; and what has no letter.
  '^(?![A-Z])\\S+$',
  '^[^\\p{L}]*$',
  // A setting's name; a line's name in an address.
  '^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$',
  '^-?L($|\\d)',
  '^(GitHub|GitLab|Gitea|Forgejo)$',
]

/** Names of products: the same in every language. */
const PRODUCTS = ['src/ui/framework.ts', 'src/pages/account/agent.ts']

/** Where text is meant for programs: attributes, constants, calls. */
const NAMES = ['className', 'd', 'viewBox', 'rel', 'look', { regex: { pattern: '^[A-Z_]+$' } }]
const CALLS = ['Error', 'lazyRouteComponent', 'matchMedia', '*.addEventListener', '*.closest', '*.matches', '*.querySelector', '*.querySelectorAll', '*.startsWith']

export default [
  { ignores: ['dist/', 'src/locales/', 'src/api/schema.ts'] },
  { linterOptions: { noInlineConfig: true } },
  { files: ['src/**/*.{ts,tsx}'], languageOptions: { parser: typescript.parser } },
  { plugins: { 'react-hooks': hooks }, rules: { 'react-hooks/rules-of-hooks': 'error', 'react-hooks/exhaustive-deps': 'error' } },
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
      // What was asked for by a click takes the focus; pages never do so by themselves.
      'jsx-a11y/no-autofocus': 'off',
      // The lines of a log are scrolled and read with the arrow keys.
      'jsx-a11y/no-noninteractive-tabindex': ['error', { roles: ['tabpanel', 'group'] }],
      // A form hears the keys of its fields (Ctrl+Enter sends it), a region that somebody is in it (toasts wait then).
      'jsx-a11y/no-noninteractive-element-interactions': ['error', { form: ['onKeyDown'], section: ['onFocus', 'onBlur'] }],
    },
  },
  {
    files: ['src/**/*.{ts,tsx}'],
    ignores: ['src/**/*.test.ts', ...PRODUCTS],
    rules: { 'lingui/no-unlocalized-strings': ['error', { ignore: NOT_READ, ignoreNames: NAMES, ignoreFunctions: CALLS }] },
  },
]
