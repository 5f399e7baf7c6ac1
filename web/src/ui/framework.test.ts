import { expect, test } from 'vitest'

import { frameworkName } from './framework'

test('frameworks are called as they call themselves', () => {
  expect(['astro', 'nextjs', 'create-react-app', 'tanstack-start', 'solid-start', 'vue-cli'].map(frameworkName)).toEqual([
    'Astro', 'Next.js', 'Create React App', 'TanStack Start', 'SolidStart', 'Vue CLI',
  ])
})
