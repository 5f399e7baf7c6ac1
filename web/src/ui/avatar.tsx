/** Somebody, by picture or initials. The name stands beside it, so it is decoration. */
export function Avatar({ name, picture, small = false }: { name: string; picture?: string | null; small?: boolean }) {
  return (
    <span className={`avatar ${small ? 'small' : ''}`} aria-hidden="true">
      {picture ? <img src={picture} alt="" width="24" height="24" loading="lazy" referrerPolicy="no-referrer" /> : initials(name)}
    </span>
  )
}

export function initials(name: string): string {
  const words = name.trim().split(/[\s._@-]+/u).filter(Boolean)
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]]
  return letters.map((word) => [...(word ?? '?')][0]).join('').toUpperCase()
}
