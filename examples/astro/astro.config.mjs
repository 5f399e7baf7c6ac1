import { defineConfig } from 'astro/config'

// Pages become /about/index.html and the like; nothing is optimised that would need an image library.
export default defineConfig({ image: { service: { entrypoint: 'astro/assets/services/noop' } } })
