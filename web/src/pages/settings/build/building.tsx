/** How a project is built. What is left empty is detected; what was detected stands in the empty field, with its reason. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useMutation } from '@tanstack/react-query'

import { api, body, type Schema } from '~/api/client'
import { messageOf } from '~/api/errors'
import { Original } from '~/failure/original'
import { useFailureWords } from '~/failure/words'
import { changeOf, settingsOf } from '~/pages/settings/build/change'
import { type Detectable, detectedOf, usePlan } from '~/pages/settings/build/detected'
import { RebuildNow } from '~/pages/settings/build/rebuild'
import { useChangeProject } from '~/pages/settings/queries'
import { Why } from '~/reasons/why'
import { Button } from '~/ui/button'
import { Checkbox, Select, TextField } from '~/ui/field'
import { Form, SaveBar, useForm } from '~/ui/form'
import { Panel } from '~/ui/panel'

type Project = Schema['ProjectBody']

export function Building({ project }: { project: Project }) {
  const { t } = useLingui()
  const change = useChangeProject(project)
  const form = useForm(settingsOf(project), (changed, values) => change(changeOf(changed, values)))
  const look = useMutation({ mutationFn: () => body(api.POST('/api/v1/detections', { body: { projectId: project.id } })) })
  const ofBuild = usePlan(project)
  const plan = look.data?.plan ?? ofBuild

  const setting = (name: Detectable, label: string, empty: string) => {
    const detected = detectedOf(plan, name)
    return {
      ...form.text(name),
      label,
      dir: 'ltr' as const,
      className: '[&_input]:font-mono',
      autoCapitalize: 'off',
      autoComplete: 'off',
      spellCheck: false,
      placeholder: detected?.value ?? empty,
      hint: form.values[name] === '' ? <Reason detected={detected} /> : <Trans>Empty it to have it detected.</Trans>,
    }
  }

  const lookAnew = <Button acts look="quiet" icon="search" pending={look.isPending} onClick={() => look.mutate()}><Trans>Look again</Trans></Button>
  return (
    <Panel title={t`How it is built`} aside={project.repoUrl ? lookAnew : undefined}>
      <Form form={form}>
        <div className="grid gap-4 p-4 sm:grid-cols-2">
          {look.error && <p className="text-sm text-fail sm:col-span-2" role="alert">{messageOf(look.error)}</p>}
          {look.data?.refusal && <Refused failure={look.data.refusal} />}
          {project.repoUrl ? (
            <>
              <TextField {...setting('rootDirectory', t`Root directory`, t`the top of the repository`)} />
              <TextField {...setting('nodeVersion', t`Node version`, t`detected`)} />
              <TextField {...setting('installCommand', t`Install command`, t`detected`)} />
              <TextField {...setting('outputDirectory', t`Output directory`, t`detected`)} />
              <div className="grid content-start gap-2 sm:col-span-2">
                <TextField
                  {...setting('buildCommand', t`Build command`, t`detected`)}
                  disabled={form.values.noBuild}
                  {...(form.values.noBuild && { value: '', placeholder: t`none`, hint: undefined })}
                />
                <Checkbox {...form.check('noBuild')} label={<Trans>Build nothing: publish the files as they are</Trans>} />
              </div>
            </>
          ) : (
            <p className="max-w-prose text-muted sm:col-span-2">
              <Trans>Folders are deployed to this project, so nothing is built here. Connect a repository below to have Berth build it.</Trans>
            </p>
          )}
          <Select
            {...form.text('spaFallback')}
            className="sm:col-span-2 sm:max-w-md"
            label={t`Pages that are not there`}
            hint={<Trans>A single-page application answers every address with index.html and finds the page itself.</Trans>}
            options={[
              ['', t`Detected: index.html where it is the only page`],
              ['true', t`Answer with index.html`],
              ['false', t`Answer 404`],
            ]}
          />
        </div>
        <SaveBar form={form} after={<RebuildNow project={project} />}>
          {project.repoUrl ? <Trans>Used by the next build. What is live stays as it is.</Trans> : <Trans>Used by the next folder. What is live stays as it is.</Trans>}
        </SaveBar>
      </Form>
    </Panel>
  )
}

/** Why what was looked at anew could not be built. */
function Refused({ failure }: { failure: Schema['Failure'] }) {
  const { title, detail, original } = useFailureWords()(failure)
  return (
    <div className="grid gap-1 sm:col-span-2" role="alert">
      <p className="text-sm text-fail"><bdi>{title}</bdi> <bdi>{detail}</bdi></p>
      <Original words={original} />
    </div>
  )
}

function Reason({ detected }: { detected: ReturnType<typeof detectedOf> }) {
  if (!detected) return <Trans>Detected by the next build.</Trans>
  return <Trans>Detected: <Why of={detected} /></Trans>
}
