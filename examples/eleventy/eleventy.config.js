export default function (eleventy) {
  eleventy.addPassthroughCopy('site.css')
  eleventy.addCollection('logbook', (pages) => pages.getFilteredByGlob('logbook/*.md'))
}
