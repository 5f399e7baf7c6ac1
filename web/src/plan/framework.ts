/** What a framework is called. They are names, the same in every language, except for files without one. */

import { msg } from '@lingui/core/macro'
import { useLingui } from '@lingui/react/macro'

/** Those whose name is not its words with capitals. */
const NAMES: Record<string, string> = {
  nextjs: 'Next.js', nuxt: 'Nuxt', sveltekit: 'SvelteKit', 'tanstack-start': 'TanStack Start', 'solid-start': 'SolidStart', vitepress: 'VitePress',
  vuepress: 'VuePress', mkdocs: 'MkDocs', mdbook: 'mdBook', 'vue-cli': 'Vue CLI', 'preact-cli': 'Preact CLI', node: 'Node.js', fastapi: 'FastAPI',
  fasthtml: 'FastHTML', nestjs: 'NestJS', php: 'PHP', dotnet: '.NET', 'observable-framework': 'Observable Framework', rsbuild: 'Rsbuild',
}

const STATIC = msg`Static files`

export function useFrameworkName(): (id: string) => string {
  const { i18n } = useLingui()
  return (id) => (id === 'static-html' ? i18n._(STATIC) : (NAMES[id] ?? id.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => ` ${letter.toUpperCase()}`).trim()))
}
