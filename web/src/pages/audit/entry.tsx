/** One change: what was done, to what, by whom, how and from where. Whoever did it and the project narrow the log. */

import { Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'

import type { Schema } from '~/api/client'
import { useFormat } from '~/ui/format'
import { ACTIONS, MEANS_WORDS } from './words'

type Entry = Schema['AuditEntryBody']

export function EntryRow({ entry }: { entry: Entry }) {
  const { i18n } = useLingui()
  const format = useFormat()
  return (
    <li className="border-line px-4 py-2 not-first:border-t">
      <p className="flex flex-wrap items-baseline gap-x-2">
        <span className={entry.action === 'session_refused' ? 'font-semibold text-fail' : 'font-semibold'}>{i18n._(ACTIONS[entry.action])}</span>
        <What entry={entry} />
        <span className="grow" />
        <time className="text-sm text-dim" dateTime={entry.at}>{format.dateTime(entry.at)}</time>
      </p>
      <p className="flex flex-wrap gap-x-2 text-sm text-muted">
        <Who entry={entry} />
        {entry.address && <bdi dir="ltr" className="mono">{entry.address}</bdi>}
      </p>
      {entry.detail.length > 0 && (
        <ul className="mt-1 flex flex-wrap gap-1">
          {entry.detail.map((part) => <li key={part} className="min-w-0"><code dir="ltr" className="chip">{part}</code></li>)}
        </ul>
      )}
    </li>
  )
}

/** What it was done to. A project is led to within the log: administrators do not see the projects of others. */
function What({ entry: { project, user, by, subject } }: { entry: Entry }) {
  const { t } = useLingui()
  return (
    <>
      {subject !== null && <bdi className="min-w-0 break-words">{subject}</bdi>}
      {user && user.id !== by?.id && <bdi className="min-w-0 break-words">{user.name}</bdi>}
      {project && (
        <Link to="/audit" search={(before) => ({ ...before, project: project.id })} className="link min-w-6 py-[3px] break-words" aria-label={t`Only about ${project.name}`}><bdi>{project.name}</bdi></Link>
      )}
    </>
  )
}

function Who({ entry: { by, means, meansName } }: { entry: Entry }) {
  const { t, i18n } = useLingui()
  const how = i18n._(MEANS_WORDS[means])
  return (
    <>
      {by && <Link to="/audit" search={(before) => ({ ...before, by: by.id })} className="link min-w-6 py-[3px]" aria-label={t`Only by ${by.name}`}><bdi>{by.name}</bdi></Link>}
      <span>{meansName === null ? how : <Trans>{how}: <bdi>{meansName}</bdi></Trans>}</span>
    </>
  )
}
