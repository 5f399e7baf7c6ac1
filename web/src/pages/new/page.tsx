/**
 * A new project: where its files come from, what Berth found there, its address, its variables; and beside it what will happen.
 * Whatever was typed stays while one goes back and forth, and when something is refused.
 */

import { useLingui } from '@lingui/react/macro'
import { useState } from 'react'

import { Page } from '~/shell/page'
import { LeaveGuard } from '~/ui/leave'
import { EMPTY_ADDRESS } from './address'
import { Chooser } from './chooser'
import { FolderForm } from './folder-form'
import { RepositoryForm } from './repository-form'
import { type Source, nameOf } from './source'

export function NewProjectPage() {
  const { t } = useLingui()
  const [address, setAddress] = useState(EMPTY_ADDRESS)
  const [source, setSource] = useState<Source>()
  const [branch, setBranch] = useState('')
  /** As somebody typed it; until then it is the repository's. */
  const [typedName, setName] = useState<string>()
  const [env, setEnv] = useState('')

  const choose = (chosen: Source, branch: string) => {
    setSource(chosen)
    setBranch(branch)
  }
  const another = () => setSource(undefined)
  const name = typedName ?? (source?.kind === 'repository' ? nameOf(source.repoUrl) : '')
  return (
    <Page title={t`New project`}>
      <LeaveGuard />
      {!source && <Chooser address={address} onAddress={setAddress} onChosen={choose} />}
      {source?.kind === 'folder' && <FolderForm name={name} onName={setName} onAnother={another} />}
      {source?.kind === 'repository' && (
        <RepositoryForm
          key={source.repoUrl}
          repository={source}
          branch={branch}
          onBranch={setBranch}
          name={name}
          onName={setName}
          env={env}
          onEnv={setEnv}
          onAnother={another}
        />
      )}
    </Page>
  )
}
