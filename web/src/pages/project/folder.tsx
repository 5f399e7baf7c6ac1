/** How files from a computer, or from a CI system, get to a project that has no repository. */

import { Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'

import { Copyable } from '~/ui/copy'
import { Panel } from '~/ui/panel'

export function FolderPanel({ project }: { project: string }) {
  return (
    <Panel title={<Trans>Deploy a folder</Trans>}>
      <div className="p-4"><FolderSteps project={project} /></div>
    </Panel>
  )
}

export function FolderSteps({ project }: { project: string }) {
  const { t } = useLingui()
  const address = window.location.origin
  const WITH_BERTH = `BERTH_URL=${address} BERTH_TOKEN=berth_… berth deploy dist --project ${project}`
  const WITH_CURL = `tar -C dist -c . | curl -s ${address}/api/v1/projects/${project}/deployments -H "Authorization: Bearer $BERTH_TOKEN" -H 'content-type: application/x-tar' --data-binary @-`
  return (
    <ol className="grid w-full min-w-0 gap-3 text-sm text-muted">
      <li className="grid min-w-0 gap-1.5">
        <span><Trans>1. Make an API token for this project on <Link to="/account" className="link">your account page</Link>.</Trans></span>
      </li>
      <li className="grid min-w-0 gap-1.5">
        <span><Trans>2. Send the folder with the program that runs here:</Trans></span>
        <Copyable label={t`Command`} value={WITH_BERTH} />
      </li>
      <li className="grid min-w-0 gap-1.5">
        <span><Trans>Or without it:</Trans></span>
        <Copyable label={t`Command with tar and curl`} value={WITH_CURL} />
      </li>
    </ol>
  )
}
