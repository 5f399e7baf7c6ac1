/** Where the files come from: a repository at GitHub, any other git address, or a folder of a computer. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { setupQuery, useMe } from '~/api/queries'
import { Button } from '~/ui/button'
import { type AddressDraft, AddressForm } from './address'
import { GithubRepositories } from './github'
import type { Source } from './source'
import { Step } from './step'

type Way = 'github' | 'address' | 'folder'

type ChooserProps = { address: AddressDraft; onAddress: (draft: AddressDraft) => void; onChosen: (source: Source, branch: string) => void }

export function Chooser({ address, onAddress, onChosen }: ChooserProps) {
  const { t } = useLingui()
  const me = useMe()
  const { data: setup } = useQuery(setupQuery)
  const hasGithub = me.githubConnected || (setup?.github ?? false)
  const [chosen, setWay] = useState<Way>()
  const way = chosen ?? (hasGithub && address.repoUrl === '' ? 'github' : 'address')
  const tab = (value: Way, words: React.ReactNode) => <Button look="quiet" aria-pressed={way === value} onClick={() => setWay(value)}>{words}</Button>
  return (
    <Step
      number={1}
      title={<Trans>What to deploy</Trans>}
      aside={
        <div role="group" aria-label={t`Where it comes from`} className="flex flex-wrap justify-end gap-0.5">
          {hasGithub && tab('github', <Trans>GitHub</Trans>)}
          {tab('address', <Trans>Git address</Trans>)}
          {tab('folder', <Trans>Folder</Trans>)}
        </div>
      }
    >
      {way === 'github' && (me.githubConnected ? <GithubRepositories onChosen={onChosen} /> : <Connect />)}
      {way === 'address' && <AddressForm draft={address} onDraft={onAddress} onChosen={onChosen} />}
      {way === 'folder' && <Folder onChosen={() => onChosen({ kind: 'folder' }, '')} />}
    </Step>
  )
}

function Connect() {
  return (
    <div className="grid justify-items-start gap-3 p-4">
      <p className="max-w-prose text-muted"><Trans>Connect GitHub to pick from your repositories, private ones too. Berth then hears of each push by a webhook that it sets up itself.</Trans></p>
      <a className="button primary" href="/api/auth/github?redirect=/new"><Trans>Connect GitHub</Trans></a>
    </div>
  )
}

function Folder({ onChosen }: { onChosen: () => void }) {
  return (
    <div className="grid justify-items-start gap-3 p-4">
      <p className="max-w-prose text-muted"><Trans>What was built on a computer or in a CI system is sent as it is, by <code className="chip">berth deploy</code> or with curl. Berth builds nothing and needs no repository. What is live, kept and rolled back is as with a push.</Trans></p>
      <Button look="primary" onClick={onChosen}><Trans>Go on with a folder</Trans></Button>
    </div>
  )
}
