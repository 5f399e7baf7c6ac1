/** Where the commits come from, and what opens a private repository. The token goes in and never comes out. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useState } from 'react'

import type { Schema } from '~/api/client'
import { sentence } from '~/api/errors'
import { RebuildNow } from '~/pages/settings/build/rebuild'
import { useChangeProject } from '~/pages/settings/queries'
import { English } from '~/ui/english'
import { Checkbox, TextField } from '~/ui/field'
import { Form, SaveBar, useForm } from '~/ui/form'
import { Notice, Panel } from '~/ui/panel'

const PLAIN = { dir: 'ltr', autoCapitalize: 'off', autoComplete: 'off', spellCheck: false } as const

export function Repository({ project }: { project: Schema['ProjectBody'] }) {
  const { t } = useLingui()
  const change = useChangeProject(project)
  const [note, setNote] = useState<string | null>()
  const saved = { repoUrl: project.repoUrl ?? '', branch: project.branch, repoToken: '', repoUser: project.repoUser ?? '', removeToken: false }
  const form = useForm(saved, async ({ removeToken, repoToken, repoUser, ...texts }) => {
    const changed = await change({
      ...texts,
      ...(repoToken && { repoToken }),
      ...(repoUser !== undefined && { repoUser: repoUser.trim() || null }),
      ...(removeToken && { repoToken: null }),
    })
    setNote(changed.note)
  })
  const isOther = form.changed.repoUrl !== undefined && project.repoUrl !== null

  return (
    <Panel title={t`Repository`}>
      <Form form={form}>
        <div className="grid gap-4 p-4 sm:grid-cols-2">
          <TextField
            {...form.text('repoUrl')}
            {...PLAIN}
            type="url"
            className="sm:col-span-2"
            label={t`Address`}
            placeholder="https://"
            hint={isOther
              ? <Trans>Builds of the repository before are canceled, and its webhook moves along. The access token does not follow to another host.</Trans>
              : <Trans>An https address without a user in it.</Trans>}
          />
          <TextField {...form.text('branch')} {...PLAIN} label={t`Branch that goes live`} hint={<Trans>Its newest commit is what visitors see.</Trans>} />
          <span className="hidden sm:block" />
          <TextField
            {...form.text('repoToken')}
            {...PLAIN}
            type="password"
            autoComplete="new-password"
            label={t`Access token`}
            disabled={form.values.removeToken}
            placeholder={project.hasRepoToken ? t`one is set` : ''}
            hint={project.hasRepoToken ? <Trans>Empty: the one that is set stays. It is never shown.</Trans> : <Trans>For a private repository. It is kept sealed and never shown.</Trans>}
          />
          <TextField {...form.text('repoUser')} {...PLAIN} label={t`User for the token`} placeholder="oauth2" hint={<Trans>Empty fits GitHub, GitLab, Gitea and Forgejo.</Trans>} />
          {project.hasRepoToken && (
            <div className="sm:col-span-2"><Checkbox {...form.check('removeToken')} label={<Trans>Remove the access token</Trans>} /></div>
          )}
          {note && <div className="sm:col-span-2"><Notice tone="busy" title={<Trans>Pushes are not announced.</Trans>}><English>{sentence(note)}</English></Notice></div>}
        </div>
        <SaveBar form={form} after={<RebuildNow project={project} />}>
          {project.repoUrl ? <Trans>Used by the next build.</Trans> : <Trans>The newest commit of the branch is built at once.</Trans>}
        </SaveBar>
      </Form>
    </Panel>
  )
}
