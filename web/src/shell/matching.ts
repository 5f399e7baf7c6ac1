/** What a search in the palette finds: every word has to occur, wherever; accents and case do not matter. */

type Findable = { label: string; also?: string }
type Group<Item> = { items: readonly Item[] }

/** Keeps somebody's text from reordering the words around it, where no `<bdi>` can. */
export function isolated(text: string): string {
  return `\u2068${text}\u2069`
}

function folded(text: string): string {
  return text.normalize('NFD').replace(/[\p{Mn}\u2068\u2069]/gu, '').toLocaleLowerCase()
}

/** The groups with what matches `query`, at most `most` in all; what begins with it comes first in its group. */
export function matching<Item extends Findable, G extends Group<Item>>(groups: readonly G[], query: string, most: number): G[] {
  const whole = folded(query.trim())
  const words = whole.split(/\s+/).filter(Boolean)
  let left = most
  return groups.flatMap((group) => {
    const found = group.items.filter(({ label, also = '' }) => {
      const text = folded(`${label} ${also}`)
      return words.every((word) => text.includes(word))
    })
    const begins = (item: Item) => folded(item.label).startsWith(whole)
    const ordered = whole === '' ? found : [...found.filter(begins), ...found.filter((item) => !begins(item))]
    const items = ordered.slice(0, left)
    left -= items.length
    return items.length > 0 ? [{ ...group, items }] : []
  })
}
