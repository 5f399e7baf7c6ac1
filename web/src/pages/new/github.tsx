/** The repositories of a GitHub account, by name. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import type { Schema } from '~/api/client'
import { Button } from '~/ui/button'
import { Select, TextField } from '~/ui/field'
import { Loading } from '~/ui/loading'
import { Ago } from '~/ui/time'
import { Problem } from './problem'
import { organizationsQuery, repositoriesQuery, useSettled } from './queries'
import type { Source } from './source'

type Choose = (source: Source, branch: string) => void

export function GithubRepositories({ onChosen }: { onChosen: Choose }) {
  const { t } = useLingui()
  const [account, setAccount] = useState('')
  const [words, setWords] = useState('')
  const q = useSettled(words.trim(), 400)
  const accounts = useQuery(organizationsQuery)
  const repositories = useInfiniteQuery(repositoriesQuery(account, q))
  const found = repositories.data?.pages.flatMap(({ repos }) => repos)
  const problem = accounts.error ?? repositories.error
  return (
    <div className="grid gap-4 p-4">
      <div className="grid gap-4 sm:grid-cols-2">
        <Select
          label={t`Account`}
          value={account}
          onChange={(event) => setAccount(event.target.value)}
          // One's own account comes first, and is asked for without a name.
          options={(accounts.data ?? [{ login: t`Yours` }]).map(({ login }, index) => [index === 0 ? '' : login, login] as const)}
        />
        <TextField label={t`Search by name`} type="search" autoComplete="off" spellCheck={false} value={words} onChange={(event) => setWords(event.target.value)} />
      </div>
      {problem && <Problem error={problem} />}
      {!found && !problem && <Loading rows={4} height={52} />}
      <p role="status" className="text-sm text-muted empty:hidden">
        {found?.length === 0 && (q ? <Trans>No repository of this account has “<bdi>{q}</bdi>” in its name.</Trans> : <Trans>This account has no repositories that you may see.</Trans>)}
      </p>
      {found && found.length > 0 && (
        <ul aria-label={t`Repositories`} aria-busy={repositories.isFetching} className="rounded-md border border-line">
          {found.map((repository) => <Row key={repository.repoUrl} repository={repository} onChosen={onChosen} />)}
        </ul>
      )}
      {repositories.hasNextPage && <div><Button pending={repositories.isFetchingNextPage} onClick={() => void repositories.fetchNextPage()}><Trans>Show more</Trans></Button></div>}
    </div>
  )
}

function Row({ repository: { owner, name, repoUrl, branch, updatedAt }, onChosen }: { repository: Schema['RepositoryBody']; onChosen: Choose }) {
  const { t } = useLingui()
  const full = `${owner}/${name}`
  const choose = () => onChosen({ kind: 'repository', repoUrl, github: full, repoToken: '', repoUser: '' }, branch ?? 'main')
  return (
    <li className="flex items-center gap-3 border-line py-1.5 ps-3 pe-1.5 not-first:border-t hover:bg-hover">
      <div className="min-w-0 flex-1">
        <p dir="ltr" className="cut"><span className="text-dim">{owner}/</span><span className="font-semibold">{name}</span></p>
        {updatedAt && <p className="text-xs text-dim"><Trans>changed <Ago at={updatedAt} /></Trans></p>}
      </div>
      <Button aria-label={t`Choose ${full}`} onClick={choose}><Trans>Choose</Trans></Button>
    </li>
  )
}
