/** How the steps of a build are called. */

import { msg } from '@lingui/core/macro'
import { useLingui } from '@lingui/react/macro'

import type { Step } from '~/log/fold'

const STEPS = { fetch: msg`Fetch`, detect: msg`Detect`, install: msg`Install`, build: msg`Build`, publish: msg`Publish` } as const

/** In the order of a build. */
export const STEP_NAMES = Object.keys(STEPS) as Step['name'][]

export function useStepName(): (name: Step['name']) => string {
  const { i18n } = useLingui()
  return (name) => i18n._(STEPS[name])
}
