/** Frameworks as their makers write them. Most are the detector's word with a capital. */

const NAMES: Record<string, string> = {
  nextjs: 'Next.js', sveltekit: 'SvelteKit', vitepress: 'VitePress', vuepress: 'VuePress', solidstart: 'SolidStart',
  'solid-start': 'SolidStart', 'tanstack-start': 'TanStack Start', 'create-react-app': 'Create React App', 'vue-cli': 'Vue CLI',
  'preact-cli': 'Preact CLI', mkdocs: 'MkDocs', mdbook: 'mdBook', fastapi: 'FastAPI', nestjs: 'NestJS', nodejs: 'Node.js', node: 'Node.js',
  'expo-web': 'Expo', 'static-html': 'HTML', rsbuild: 'Rsbuild',
}

export function frameworkName(word: string): string {
  return NAMES[word] ?? word.split('-').map((part) => part.charAt(0).toUpperCase() + part.slice(1)).join(' ')
}
