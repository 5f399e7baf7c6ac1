/** What was saved takes effect with a build: this asks for one. */

import { Trans } from '@lingui/react/macro'

import { ask } from '~/actions/ask'
import type { Schema } from '~/api/client'
import { Button } from '~/ui/button'

export function RebuildNow({ project }: { project: Schema['ProjectBody'] }) {
  if (!project.repoUrl) return null
  return <Button acts onClick={() => ask({ kind: 'build_newest', project: project.id })}><Trans>Rebuild now</Trans></Button>
}
