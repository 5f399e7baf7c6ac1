/** The chosen repository, and its branch. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'

import { subject } from '~/actions/names'
import type { Schema } from '~/api/client'
import { fieldOf } from '~/api/errors'
import { Avatar } from '~/ui/avatar'
import { Button } from '~/ui/button'
import { Checkbox, TextField } from '~/ui/field'
import { branchesQuery } from './queries'
import type { Repository } from './source'
import { Step } from './step'

type RepositoryStepProps = {
  repository: Repository
  branch: string
  onBranch: (branch: string) => void
  /** It was typed to its end: time to look at it. */
  onBranchDone: () => void
  previews: boolean
  onPreviews: (previews: boolean) => void
  onAnother: () => void
  commit: Schema['CommitBody'] | undefined
  error: unknown
}

export function RepositoryStep({ repository, branch, onBranch, onBranchDone, previews, onPreviews, onAnother, commit, error }: RepositoryStepProps) {
  const { t } = useLingui()
  const { data: branches = [] } = useQuery(branchesQuery(repository.github))
  const name = repository.github ?? repository.repoUrl.replace(/^https?:\/\//, '').replace(/\.git$/, '')
  const problem = fieldOf(error, 'repoUrl') ?? fieldOf(error, 'repoToken') ?? fieldOf(error, 'repoUser')
  return (
    <Step number={1} title={<Trans>Repository</Trans>} aside={<Button look="quiet" onClick={onAnother}><Trans>Choose another</Trans></Button>}>
      <div className="flex flex-wrap items-start gap-x-4 gap-y-3 p-4">
        <div className="flex min-w-0 flex-1 basis-52 items-start gap-3">
          <Avatar name={name.split('/').at(-2) ?? name} />
          <div className="min-w-0">
            <p dir="ltr" className="font-semibold wrap-anywhere">{name}</p>
            {commit && <p dir="auto" className="cut text-sm text-muted">{subject(commit.message)}</p>}
            {repository.repoToken && <span className="tag mt-1"><Trans>With an access token</Trans></span>}
            {problem && <p className="text-sm text-fail" role="alert">{problem}</p>}
          </div>
        </div>
        <TextField
          className="w-full sm:w-52"
          label={t`Branch that goes live`}
          name="branch"
          dir="ltr"
          list="branches"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          value={branch}
          onChange={(event) => onBranch(event.target.value)}
          onBlur={onBranchDone}
          error={fieldOf(error, 'branch')}
        />
        <datalist id="branches">{branches.map((each) => <option key={each.name} value={each.name} />)}</datalist>
        <div className="basis-full">
          <Checkbox
            name="previews"
            checked={previews}
            onChange={(event) => onPreviews(event.target.checked)}
            label={<Trans>Build a preview for other branches and pull requests</Trans>}
            hint={<Trans>Each gets an address of its own. Those from forks wait for an approval.</Trans>}
          />
        </div>
      </div>
    </Step>
  )
}
