/**
 * A new project: where its files come from, what Berth found there, its address, its variables; and beside it what will happen.
 * Whatever was typed stays while one goes back and forth, and when something is refused.
 */

import { useLingui } from '@lingui/react/macro'
import { useEffect, useRef } from 'react'

import { Page } from '~/shell/page'
import { LeaveGuard } from '~/ui/leave'
import { Chooser } from './chooser'
import { useDraft } from './draft'
import { FolderForm } from './folder-form'
import { RepositoryForm } from './repository-form'
import { nameOf } from './source'

export function NewProjectPage() {
  const { t } = useLingui()
  const [draft, change] = useDraft()
  const { address, source, name: typedName } = draft

  const steps = useRef<HTMLDivElement>(null)
  const before = useRef(source)
  // The button that led here is gone: the first step takes the focus from it.
  useEffect(() => {
    if (before.current === source) return
    before.current = source
    const heading = steps.current?.querySelector('h2')
    if (heading) heading.tabIndex = -1
    heading?.focus()
  }, [source])

  const another = () => change({ source: undefined })
  const setName = (name: string) => change({ name })
  const name = typedName ?? (source?.kind === 'repository' ? nameOf(source.repoUrl) : '')
  return (
    <Page title={t`New project`}>
      <LeaveGuard />
      <div ref={steps}>
        {!source && <Chooser address={address} onAddress={(address) => change({ address })} onChosen={(source, branch) => change({ source, branch, changes: {} })} />}
        {source?.kind === 'folder' && <FolderForm name={name} onName={setName} onAnother={another} />}
        {source?.kind === 'repository' && (
          <RepositoryForm
            key={source.repoUrl}
            repository={source}
            draft={draft}
            name={name}
            onChange={change}
            onAnother={another}
          />
        )}
      </div>
    </Page>
  )
}
