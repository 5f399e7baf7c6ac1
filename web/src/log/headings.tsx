/** The headings of a build's steps, written by React where nobody sees them; the view copies them into its rows. */

import { useLingui } from '@lingui/react/macro'

import { directionOf } from '~/i18n'
import type { Step } from '~/log/fold'
import { useStepName } from '~/log/words'
import { useFormat } from '~/ui/format'
import { Icon } from '~/ui/icons'
import { State, useStateWord } from '~/ui/state'

export type Notes = Partial<Record<Step['name'], React.ReactNode>>

export function Headings({ steps, notes, box }: { steps: readonly Step[]; notes: Notes; box: React.Ref<HTMLDivElement> }) {
  const { i18n } = useLingui()
  const format = useFormat()
  const nameOf = useStepName()
  const word = useStateWord()
  return (
    <div ref={box} hidden>
      {steps.map(({ name, state, tookMs }) => (
        <div key={name} className="log-heading" role="button" dir={directionOf(i18n.locale)}>
          <Icon name="forward" className="log-chevron" />
          <State state={state}><span className="sr-only">{word(state)}</span><span className="text-text">{nameOf(name)}</span></State>
          <span className="cut flex-1 font-normal text-muted">{notes[name]}</span>
          {tookMs !== null && state !== 'skipped' && <span className="font-normal whitespace-nowrap text-muted">{format.duration(tookMs)}</span>}
        </div>
      ))}
    </div>
  )
}
