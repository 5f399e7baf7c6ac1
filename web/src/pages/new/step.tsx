/** A numbered part of the page. */

import { Panel } from '~/ui/panel'

/** The steps, and beside them what will happen. */
export const LAYOUT = 'grid items-start gap-4 sm:gap-6 md:grid-cols-[minmax(0,1fr)_360px]'

export function Step({ number, title, aside, children }: { number: number; title: React.ReactNode; aside?: React.ReactNode; children: React.ReactNode }) {
  return (
    <div className="grid gap-3 sm:grid-cols-[28px_minmax(0,1fr)]">
      <span aria-hidden="true" className="mt-2 grid size-7 place-items-center rounded-full border border-control bg-surface text-sm font-semibold text-muted max-sm:hidden">{number}</span>
      <Panel title={title} aside={aside}>{children}</Panel>
    </div>
  )
}
