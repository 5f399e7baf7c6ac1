/** What of its repository a project follows: other branches, some paths, and whether Berth looks for itself. */

import { Trans, useLingui } from '@lingui/react/macro'

import type { Schema } from '~/api/client'
import { patternsOf } from '~/pages/settings/build/change'
import { useChangeProject } from '~/pages/settings/queries'
import { Checkbox, Select, TextArea } from '~/ui/field'
import { Form, SaveBar, useForm } from '~/ui/form'
import { useFormat } from '~/ui/format'
import { Panel } from '~/ui/panel'

export function Following({ project }: { project: Schema['ProjectBody'] }) {
  const { t } = useLingui()
  const format = useFormat()
  const change = useChangeProject(project)
  const saved = { previews: project.previews, watch: (project.watch ?? []).join('\n'), pollEvery: String(project.pollEvery ?? '') }
  const form = useForm(saved, ({ previews, watch, pollEvery }) =>
    change({
      ...(previews !== undefined && { previews }),
      ...(watch !== undefined && { watch: patternsOf(watch) }),
      ...(pollEvery !== undefined && { pollEvery: pollEvery ? Number(pollEvery) : null }),
    }))

  const intervals = [['', t`Never: pushes are announced`], ['60', t`Every minute`], ['300', t`Every 5 minutes`], ['900', t`Every 15 minutes`], ['3600', t`Every hour`], ['86400', t`Every day`]] as const
  const own = format.duration(Number(saved.pollEvery) * 1_000)
  const options = intervals.some(([seconds]) => seconds === saved.pollEvery) ? intervals : [...intervals, [saved.pollEvery, t`Every ${own}`] as const]

  return (
    <Panel title={t`What it follows`}>
      <Form form={form}>
        <div className="grid gap-4 p-4">
          <Checkbox
            {...form.check('previews')}
            label={<Trans>Build a preview for other branches and pull requests</Trans>}
            hint={form.values.previews
              ? <Trans>Each gets an address of its own. Those from forks wait for an approval.</Trans>
              : <Trans>Only <bdi className="mono">{project.branch}</bdi> is built. Previews that are there go away with their branches.</Trans>}
          />
          <TextArea
            {...form.text('watch')}
            rows={3}
            label={t`Watched paths`}
            placeholder={project.rootDirectory ? `${project.rootDirectory}/**` : t`everything`}
            hint={<Trans>A pattern a line, like <code>apps/web/**</code> or <code>*.md</code>. A push that changes no such file is skipped, and says so. Empty: the root directory.</Trans>}
          />
          <Select
            {...form.text('pollEvery')}
            className="sm:max-w-md"
            label={t`Look for new commits`}
            hint={<Trans>For a git host that cannot send webhooks to this machine.</Trans>}
            options={options}
          />
        </div>
        <SaveBar form={form}><Trans>Holds from the next push on.</Trans></SaveBar>
      </Form>
    </Panel>
  )
}
