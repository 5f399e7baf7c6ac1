/** Facts as words and values; the operator's variable beside what it sets. */

export type Fact = { word: string; value: React.ReactNode; name?: string }

export function Rows({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl className="px-4 py-1">
      {facts.map(({ word, value, name }) => (
        <div key={`${word} ${name}`} id={name} tabIndex={name ? -1 : undefined} className="grid gap-x-4 border-line py-2 not-first:border-t sm:grid-cols-[12rem_minmax(0,1fr)_auto] sm:items-baseline">
          <dt className="text-muted">{word}</dt>
          <dd className="min-w-0 font-medium break-words">{value}</dd>
          {name && <dd className="text-sm text-dim"><code dir="ltr">{name}</code></dd>}
        </div>
      ))}
    </dl>
  )
}
