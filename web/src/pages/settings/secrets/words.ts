/** Where a secret counts and what it is, in words. */

import { useLingui } from '@lingui/react/macro'

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
