/** Any https address of a repository; a private one with an access token. */

import { Trans, useLingui } from '@lingui/react/macro'

import { Button } from '~/ui/button'
import { TextField } from '~/ui/field'
import type { Source } from './source'

export type AddressDraft = { repoUrl: string; branch: string; repoToken: string; repoUser: string }

export const EMPTY_ADDRESS: AddressDraft = { repoUrl: '', branch: 'main', repoToken: '', repoUser: '' }

type AddressFormProps = { draft: AddressDraft; onDraft: (draft: AddressDraft) => void; onChosen: (source: Source, branch: string) => void }

export function AddressForm({ draft, onDraft, onChosen }: AddressFormProps) {
  const { t } = useLingui()
  const text = (name: keyof AddressDraft) => ({
    name,
    dir: 'ltr',
    autoComplete: 'off',
    autoCapitalize: 'off',
    spellCheck: false,
    value: draft[name],
    onChange: (event: { target: { value: string } }) => onDraft({ ...draft, [name]: event.target.value }),
  })
  const submit = (event: React.FormEvent) => {
    event.preventDefault()
    const { repoUrl, branch, repoToken, repoUser } = draft
    onChosen({ kind: 'repository', github: undefined, repoUrl: repoUrl.trim(), repoToken, repoUser: repoUser.trim() }, branch.trim())
  }
  return (
    <form className="grid gap-4 p-4" onSubmit={submit}>
      <div className="grid gap-4 sm:grid-cols-[minmax(0,1fr)_180px]">
        <TextField {...text('repoUrl')} type="url" required label={t`Address of the repository`} placeholder="https://git.example.org/owner/name" />
        <TextField {...text('branch')} required label={t`Branch that goes live`} />
      </div>
      <details open={draft.repoToken !== ''}>
        <summary className="py-1 text-muted"><Trans>It is private</Trans></summary>
        <div className="grid gap-4 pt-3 sm:grid-cols-2">
          <TextField {...text('repoToken')} type="password" autoComplete="new-password" label={t`Access token`} hint={<Trans>One that can read the repository. It is kept sealed, for this host only, and never shown again.</Trans>} />
          <TextField {...text('repoUser')} placeholder="oauth2" label={t`User for the token`} hint={<Trans>GitHub, GitLab, Gitea and Forgejo need none.</Trans>} />
        </div>
      </details>
      <div><Button type="submit" look="primary"><Trans>Look at it</Trans></Button></div>
    </form>
  )
}
