/** The states of builds, deployments, previews, services and commands: each has an icon, a word and a tone, the same everywhere. */

import { msg } from '@lingui/core/macro'
import type { MessageDescriptor } from '@lingui/core'
import { useLingui } from '@lingui/react/macro'

import { Icon, type IconName } from '~/ui/icons'

export type Tone = 'live' | 'busy' | 'fail' | 'back' | 'idle'

const STATES: Record<string, [Tone, IconName, MessageDescriptor]> = {
  live: ['live', 'live', msg`Live`],
  passed: ['live', 'check', msg`Passed`],
  ready: ['busy', 'waiting', msg`Going live`],
  running: ['busy', 'ring', msg`Building`],
  canceling: ['busy', 'ring', msg`Canceling`],
  failed: ['fail', 'failed', msg`Failed`],
  refused: ['fail', 'failed', msg`Did not go live`],
  rolled_back: ['back', 'back', msg`Rolled back`],
  held: ['busy', 'lock', msg`Waits for approval`],
  queued: ['idle', 'waiting', msg`Queued`],
  canceled: ['idle', 'slashed', msg`Canceled`],
  superseded: ['idle', 'superseded', msg`Superseded`],
  skipped: ['idle', 'slashed', msg`Skipped`],
  retired: ['idle', 'circle', msg`Retired`],
  none: ['idle', 'circle', msg`Nothing deployed`],
  starting: ['busy', 'ring', msg`Starting`],
  healthy: ['live', 'live', msg`Healthy`],
  unhealthy: ['fail', 'failed', msg`Unhealthy`],
  restarting: ['busy', 'ring', msg`Restarting`],
  crash_loop: ['fail', 'failed', msg`Keeps crashing`],
  draining: ['idle', 'ring', msg`Finishing requests`],
  stopped: ['idle', 'slashed', msg`Stopped`],
  files: ['live', 'live', msg`Files`],
  at_work: ['busy', 'ring', msg`Running`],
  stopping: ['busy', 'ring', msg`Stopping`],
  succeeded: ['live', 'check', msg`Succeeded`],
}

const UNKNOWN = STATES.none!

export function toneOf(state: string): Tone {
  return (STATES[state] ?? UNKNOWN)[0]
}

/** The word for a state, for titles and announcements. */
export function useStateWord(): (state: string) => string {
  const { i18n } = useLingui()
  return (state) => i18n._((STATES[state] ?? UNKNOWN)[2])
}

export function State({ state, children }: { state: string; children?: React.ReactNode }) {
  const word = useStateWord()
  const [tone, icon] = STATES[state] ?? UNKNOWN
  return <span className={`state tone-${tone}`}><Icon name={icon} />{children ?? word(state)}</span>
}
