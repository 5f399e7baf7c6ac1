/** A framed part of a page with its heading. */
export function Panel({ title, aside, className = '', children }: { title: React.ReactNode; aside?: React.ReactNode; className?: string; children: React.ReactNode }) {
  return (
    <section className={`panel ${className}`}>
      <header>
        <h2 className="cut">{title}</h2>
        <span className="grow" />
        {aside}
      </header>
      {children}
    </section>
  )
}

/** What one has to know before anything else: a failure (announced at once) or something under way. */
export function Notice({ tone, title, children, actions }: { tone: 'fail' | 'busy' | 'plain'; title: React.ReactNode; children?: React.ReactNode; actions?: React.ReactNode }) {
  return (
    <div className={`notice ${tone}`} role={tone === 'fail' ? 'alert' : 'status'}>
      <div className="min-w-0 flex-1 basis-64">
        <strong className="font-semibold">{title}</strong> <span className="text-muted">{children}</span>
      </div>
      {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
    </div>
  )
}

/** Nothing here yet: what this is, and the one thing to do. */
export function Empty({ title, children, actions }: { title: string; children: React.ReactNode; actions?: React.ReactNode }) {
  return (
    <section className="panel grid justify-items-start gap-3 border-dashed px-6 py-8">
      <h2 className="text-lg">{title}</h2>
      <div className="text-muted max-w-prose">{children}</div>
      {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
    </section>
  )
}
