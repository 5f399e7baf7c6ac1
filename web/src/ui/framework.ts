/** Frameworks as their makers write them: most are the detector's words with capitals. */

/** Whole ids, and words of them, that a capital alone does not make right. */
const NAMES = new Map([
  ['nextjs', 'Next.js'], ['sveltekit', 'SvelteKit'], ['vitepress', 'VitePress'], ['vuepress', 'VuePress'], ['solid-start', 'SolidStart'],
  ['tanstack', 'TanStack'], ['mkdocs', 'MkDocs'], ['mdbook', 'mdBook'], ['fastapi', 'FastAPI'], ['nestjs', 'NestJS'], ['nodejs', 'Node.js'],
  ['node', 'Node.js'], ['static-html', 'HTML'], ['cli', 'CLI'], ['php', 'PHP'], ['dotnet', '.NET'],
])

export function frameworkName(id: string): string {
  return NAMES.get(id) ?? id.split('-').map((word) => NAMES.get(word) ?? word.charAt(0).toUpperCase() + word.slice(1)).join(' ')
}
