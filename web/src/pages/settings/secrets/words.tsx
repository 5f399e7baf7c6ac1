/** Where a secret counts and what it is, in words, and what is done with several. */

import { Trans, useLingui } from '@lingui/react/macro'

import type { Schema } from '~/api/client'

export type Scope = Schema['VariableScope']
export type Kind = Schema['VariableKind']

export function useScopes(): readonly (readonly [Scope, string])[] {
  const { t } = useLingui()
  return [['both', t`Production, previews`], ['production', t`Production`], ['preview', t`Previews`]]
}

export function useKinds(): readonly (readonly [Kind, string])[] {
  const { t } = useLingui()
  return [['secret', t`Secret: hidden in logs, never given to a fork’s build`], ['plain', t`Public: anybody may see it`]]
}

/** What the button of several says. */
export function Verb({ added, replaced }: { added: number; replaced: number }) {
  if (added + replaced === 0) return <Trans>Add</Trans>
  if (replaced === 0) return <Trans>Add {added}</Trans>
  return added === 0 ? <Trans>Replace {replaced}</Trans> : <Trans>Add {added}, replace {replaced}</Trans>
}
