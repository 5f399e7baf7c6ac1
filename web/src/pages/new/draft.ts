/**
 * What was typed for a new project stays while one goes back and forth. It also outlives a session that ends meanwhile, in the memory
 * of this tab and for the same person: whoever signs in again finds it there, secrets and all.
 */

import { useRouter } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'

import { useMe } from '~/api/queries'
import { type AddressDraft, EMPTY_ADDRESS } from './address'
import type { Kind } from './env'
import type { Changes, Source } from './source'

export type Draft = {
  address: AddressDraft
  source: Source | undefined
  branch: string
  /** As somebody typed it; until then it is the repository's. */
  name: string | undefined
  env: string
  /** What somebody made of each variable, where that is not what it was taken for. */
  kinds: Record<string, Kind>
  previews: boolean
  /** Of what was found in the source. */
  changes: Changes
}

const EMPTY: Draft = { address: EMPTY_ADDRESS, source: undefined, branch: '', name: undefined, env: '', kinds: {}, previews: true, changes: {} }

let kept: { user: number; draft: Draft } | undefined

export function useDraft(): [Draft, (change: Partial<Draft>) => void] {
  const { id: user } = useMe()
  const router = useRouter()
  const [draft, setDraft] = useState(() => (kept?.user === user ? kept.draft : EMPTY))
  const newest = useRef(draft)
  useEffect(() => {
    newest.current = draft
  }, [draft])
  useEffect(() => {
    kept = undefined
    return () => {
      // Nobody goes to the sign-in by themselves: the session has ended.
      if (router.state.location.pathname === '/login') kept = { user, draft: newest.current }
    }
  }, [user, router])
  return [draft, (change) => setDraft((draft) => ({ ...draft, ...change }))]
}
