/** What is to be known of something at a glance: names with their values, in a line as long as there is room. */

/** A name and what it is; `false`: nothing is to be said of it. */
export type Fact = readonly [name: React.ReactNode, value: React.ReactNode] | false

export function Facts({ of: facts, wide = false }: { of: readonly Fact[]; /** In a narrow window two stand side by side. */ wide?: boolean }) {
  return (
    <dl className="flex flex-wrap gap-x-7 gap-y-2">
      {facts.map((fact, index) => fact && (
        <div key={index} className={`min-w-0 ${wide ? 'max-sm:min-w-[40%]' : ''}`}>
          <dt className="text-xs text-dim">{fact[0]}</dt>
          <dd className="text-sm wrap-anywhere">{fact[1]}</dd>
        </div>
      ))}
    </dl>
  )
}
