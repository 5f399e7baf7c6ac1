import { defineConfig } from 'vitepress'

export default defineConfig({
  title: 'Berth example: VitePress',
  cleanUrls: true,
  themeConfig: { sidebar: [{ text: 'Knots', link: '/knots' }] },
})
