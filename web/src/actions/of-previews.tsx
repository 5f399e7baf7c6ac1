/** Removing a preview. */

import { Trans } from '@lingui/react/macro'

import { useChanged } from '~/actions/changed'
import type { DialogProps } from '~/actions/dialogs'
import { Host } from '~/actions/names'
import { api, type Schema } from '~/api/client'
import { Confirm } from '~/ui/dialog'
import { toast } from '~/ui/toast'

export function RemovePreview({ preview, ...dialog }: DialogProps & { preview: Schema['PreviewBody'] }) {
  const changed = useChanged()
  return (
    <Confirm
      {...dialog}
      danger
      title={<Trans>Remove the preview of <bdi>{preview.branch}</bdi>?</Trans>}
      action={<Trans>Remove the preview</Trans>}
      consequences={[
        ['slashed', <Trans>Its builds end, and the files of its deployments are deleted.</Trans>],
        ['check', preview.pullRequest ? <Trans>The branch and its pull request stay as they are.</Trans> : <Trans>The branch stays as it is.</Trans>],
        ['forward', <Trans>The next push there opens a preview again.</Trans>],
      ]}
      act={async () => {
        await api.DELETE('/api/v1/previews/{id}', { params: { path: { id: preview.id } } })
        await changed(preview.projectId)
        toast(<Trans>The preview of <bdi>{preview.branch}</bdi> is gone. <Host url={preview.url} /> answers 404.</Trans>)
      }}
    >
      <Trans><Host url={preview.url} /> answers 404 at once.</Trans>
    </Confirm>
  )
}
