/** How builds, deployments, addresses and variables are called inside sentences. */

import { Trans, useLingui } from '@lingui/react/macro'

import type { Build, Deployment } from '~/actions/ask'

/** The seven characters by which people know a commit. */
export function short(hash: string): string {
  return hash.slice(0, 7)
}

/** `harbour-notes.example.dev`: an address as it is said, without its scheme. */
export function hostOf(url: string): string {
  return url.replace(/^https?:\/\//, '').replace(/\/$/, '')
}

export function Host({ url }: { url: string }) {
  return <bdi dir="ltr" className="font-semibold wrap-anywhere">{hostOf(url)}</bdi>
}

/** What a deployment is known by: its commit, or its number where there is none (files that were sent). */
export function Version({ deployment, build }: { deployment: Pick<Deployment, 'id'>; build: Build | undefined }) {
  if (build?.commit) return <Hash of={build.commit.hash} />
  return <Trans>deployment {deployment.id}</Trans>
}

export function Hash({ of }: { of: string }) {
  return <bdi dir="ltr" className="mono">{short(of)}</bdi>
}

/** Names of variables, as a sentence lists them: `API, MODE and PAY`. */
export function Keys({ of }: { of: readonly string[] }) {
  const { i18n } = useLingui()
  const parts = new Intl.ListFormat(i18n.locale).formatToParts(of)
  return parts.map(({ type, value }, index) => (type === 'element' ? <bdi key={index} dir="ltr" className="mono">{value}</bdi> : value))
}

/** The first line of a commit's message. */
export function subject(message: string): string {
  return message.split('\n', 1)[0]!
}
