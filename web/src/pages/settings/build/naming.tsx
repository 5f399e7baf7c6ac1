/** The name of a project is the host of its site: another name moves the site, and what that means is said first. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useDeferredValue, useState } from 'react'

import type { Schema } from '~/api/client'
import { problemOf } from '~/api/errors'
import { nameQuery } from '~/api/queries'
import { useChangeProject } from '~/pages/settings/queries'
import { Confirm } from '~/ui/dialog'
import { TextField } from '~/ui/field'
import { Form, SaveBar, useForm } from '~/ui/form'
import { Panel } from '~/ui/panel'

export function Naming({ project }: { project: Schema['ProjectBody'] }) {
  const { t } = useLingui()
  const navigate = useNavigate()
  const change = useChangeProject(project)
  const [asked, setAsked] = useState(false)
  const form = useForm({ name: project.name }, async (_, { name }) => {
    await change({ name: name.trim() })
    // The page stays, and so does what other forms of it hold: nobody leaves.
    await navigate({ to: '/projects/$project/settings/{-$section}', params: { project: name.trim(), section: 'build' }, replace: true, ignoreBlocker: true })
  })

  const name = form.values.name.trim()
  const isOther = name !== project.name
  const wished = useDeferredValue(isOther ? name : '')
  const { data: answer } = useQuery(nameQuery(wished))
  const address = answer?.url ?? t`another address`

  const submit = (event: React.FormEvent) => {
    event.preventDefault()
    if (isOther && answer?.available !== false) setAsked(true)
  }

  return (
    <Panel title={t`Name`}>
      <Form form={{ ...form, submit }}>
        <div className="p-4">
          <TextField
            {...form.text('name')}
            className="sm:max-w-md"
            dir="ltr"
            autoCapitalize="off"
            autoComplete="off"
            spellCheck={false}
            label={t`Name`}
            {...(isOther && answer?.available === false && { error: answer.reason ? problemOf({ code: answer.code, message: answer.reason }) : t`This name cannot be had.` })}
            hint={isOther && answer?.url
              ? <Trans>Free. The site moves to <bdi>{answer.url}</bdi></Trans>
              : <Trans>Lower-case letters, digits and hyphens. The site is at <bdi>{project.url}</bdi></Trans>}
          />
        </div>
        <SaveBar form={form} action={<Trans>Rename…</Trans>}><Trans>Another name moves the site to another address, at once.</Trans></SaveBar>
      </Form>
      <Confirm
        open={asked}
        onClose={() => setAsked(false)}
        title={<Trans>Rename to <bdi>{name}</bdi>?</Trans>}
        consequences={[
          ['forward', <Trans>The site answers at <bdi>{address}</bdi> at once, and its previews move along.</Trans>],
          ['slashed', <Trans><bdi>{project.url}</bdi> answers 404 from then on, and whoever takes the name gets it.</Trans>],
          ['check', <Trans>Builds, deployments, secrets and webhooks stay.</Trans>],
        ]}
        action={<Trans>Rename</Trans>}
        danger
        act={() => form.submit()}
      >
        <Trans>Links to the old address no longer work.</Trans>
      </Confirm>
    </Panel>
  )
}
