/** What stands beside the names of the steps in the log. */

import { Trans } from '@lingui/react/macro'

import { Keys, short } from '~/actions/names'
import type { Schema } from '~/api/client'
import type { Notes } from '~/log/headings'

export function useNotes({ branch, commit, plan, trigger }: Schema['BuildBody']): Notes {
  const services = plan?.services ?? []
  // The log says of each step which of several services it is about.
  const service = services.length === 1 ? services[0] : undefined
  const manager = service?.toolchain?.packageManager?.value
  const code = (text: string | undefined) => text && <bdi dir="ltr" className="mono">{text}</bdi>
  return {
    fetch: trigger === 'folder'
      ? <Trans>files as they were sent</Trans>
      : commit && <Trans><bdi dir="ltr" className="mono">{branch}</bdi> at <bdi dir="ltr" className="mono">{short(commit.hash)}</bdi></Trans>,
    detect: services.length > 1 ? <Keys of={services.map(({ name }) => name)} /> : service && <bdi dir="ltr">{[service.framework.value, manager, service.toolchain?.image.value].filter(Boolean).join(', ')}</bdi>,
    install: code(service?.installCommand?.value),
    build: code(service?.buildCommand?.value ?? service?.dockerfile?.value),
    publish: service?.kind === 'static' ? code(service.outputDirectory.value) : service?.kind === 'running' && code(service.startCommand?.value),
  }
}
