/** What is built, from where, how, and what it is called. */

import type { Schema } from '~/api/client'
import { Building } from '~/pages/settings/build/building'
import { Following } from '~/pages/settings/build/following'
import { Naming } from '~/pages/settings/build/naming'
import { Repository } from '~/pages/settings/build/repository'

export default function BuildSection({ project }: { project: Schema['ProjectBody'] }) {
  return (
    <>
      <Building project={project} />
      <Repository project={project} />
      {project.repoUrl && <Following project={project} />}
      <Naming project={project} />
    </>
  )
}
