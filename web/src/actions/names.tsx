/** How builds, deployments and addresses are called inside sentences. */

import { Trans } from '@lingui/react/macro'

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

/** The first line of a commit's message. */
export function subject(message: string): string {
  return message.split('\n', 1)[0]!
}
