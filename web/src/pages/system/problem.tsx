/** Something that is wrong with the installation: what, what that means for sites and builds, and what to do. */

import { msg } from '@lingui/core/macro'
import type { MessageDescriptor } from '@lingui/core'
import { useLingui } from '@lingui/react/macro'

import type { Schema } from '~/api/client'
import { isServersLanguage, sentence } from '~/api/errors'
import { Original } from '~/failure/original'
import { English } from '~/ui/english'
import { Notice } from '~/ui/panel'

type Code = Schema['ProblemCode']

const TITLES: Record<Code, MessageDescriptor> = {
  docker_unreachable: msg`Docker: builds wait, sites are served.`,
  disk_low: msg`Disks: builds wait, sites are served.`,
  build_network_unenforced: msg`Network: no build starts, sites are served.`,
  build_network_open: msg`Builds can reach private networks.`,
  hook_unreachable: msg`GitHub cannot announce pushes.`,
  secrets_stuck: msg`Stored secrets cannot be opened.`,
}

/** Variables are called as the operator sets them. */
const DETAILS: Record<Code, MessageDescriptor> = {
  docker_unreachable: msg`Docker cannot be used. Builds wait until it can; folders can be deployed.`,
  disk_low: msg`There is too little room on a disk. No build starts until there is more.`,
  build_network_unenforced: msg`Builds could reach this machine and its private networks. Mend that, or set BERTH_EGRESS=open if you trust everybody who can push.`,
  build_network_open: msg`BERTH_EGRESS=open lets them. Whoever can push can reach this machine and its private networks.`,
  hook_unreachable: msg`Deliveries would go to an address that only this machine reaches. Set BERTH_PUBLIC_URL or WEBHOOK_CALLBACK to one that GitHub reaches; until then branches are looked at every hour.`,
  secrets_stuck: msg`Builds that need one of them fail until it is set anew. If an encryption key was lost and is found again, name it in ENCRYPTION_KEY_PREVIOUS and start Berth again.`,
}

/** Those of which the server knows more than their code says. */
const HAS_MORE: readonly Code[] = ['docker_unreachable', 'disk_low', 'build_network_unenforced', 'secrets_stuck']

export function SystemProblem({ problem: { code, title, detail }, again }: { problem: Schema['ProblemBody']; again: React.ReactNode }) {
  const { i18n } = useLingui()
  // One of a newer Berth than this page is of.
  if (!Object.hasOwn(TITLES, code)) return <Notice tone="fail" title={<English>{sentence(title)}</English>} actions={again}><English>{detail}</English></Notice>
  return (
    <>
      <Notice tone="fail" title={i18n._(TITLES[code])} actions={again}>{isServersLanguage() ? <bdi>{detail}</bdi> : i18n._(DETAILS[code])}</Notice>
      {!isServersLanguage() && HAS_MORE.includes(code) && <Original words={detail} />}
    </>
  )
}
