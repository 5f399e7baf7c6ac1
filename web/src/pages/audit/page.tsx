/** For administrators: who changed what, by which means and from where, newest first. It is read here and changed nowhere. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useSuspenseInfiniteQuery } from '@tanstack/react-query'
import { useSearch } from '@tanstack/react-router'
import { Suspense } from 'react'

import { ForAdministrators } from '~/pages/users/administrators'
import { Button, LinkButton } from '~/ui/button'
import { Loading } from '~/ui/loading'
import { Empty } from '~/ui/panel'
import { EntryRow } from './entry'
import type { Filter } from './filter'
import { Filters } from './filters'
import { auditQuery } from './queries'

export function AuditPage() {
  const { t } = useLingui()
  const filter = useSearch({ from: '/inside/audit' })
  return (
    <ForAdministrators title={t`Audit log`}>
      <div className="max-w-4xl">
        <Suspense fallback={<Loading rows={8} height={60} />}><Log filter={filter} /></Suspense>
      </div>
    </ForAdministrators>
  )
}

function Log({ filter }: { filter: Filter }) {
  const { t } = useLingui()
  const { data, hasNextPage, fetchNextPage, isFetchingNextPage } = useSuspenseInfiniteQuery(auditQuery(filter))
  const entries = data.pages.flat()
  const names = {
    by: entries.find(({ by }) => by?.id === filter.by)?.by?.name,
    project: entries.find(({ project }) => project?.id === filter.project)?.project?.name,
  }
  return (
    <>
      <Filters filter={filter} names={names} />
      {entries.length === 0 ? (
        <Empty title={t`Nothing in the log is like that`} actions={<LinkButton to="/audit" search={{}} look="primary"><Trans>Show everything</Trans></LinkButton>}>
          <p><Trans>Entries go when they are as old as the operator keeps them (<code className="chip">BERTH_KEEP_AUDIT</code>).</Trans></p>
        </Empty>
      ) : (
        <div className="panel">
          <ol aria-label={t`Changes, newest first`}>{entries.map((entry) => <EntryRow key={entry.id} entry={entry} />)}</ol>
          {hasNextPage && (
            <div className="border-t border-line p-2">
              <Button look="quiet" pending={isFetchingNextPage} onClick={() => void fetchNextPage()}><Trans>Show older</Trans></Button>
            </div>
          )}
        </div>
      )}
    </>
  )
}
