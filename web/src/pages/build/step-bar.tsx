/** The steps of a build, as wide as they were long. */

import { Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'

import type { Schema } from '~/api/client'
import { askedAgain } from '~/log/link'
import { STEP_NAMES, useStepName } from '~/log/words'
import { useFormat } from '~/ui/format'
import { Icon } from '~/ui/icons'
import { useStateWord } from '~/ui/state'
import { Elapsed } from '~/ui/time'

type Build = Schema['BuildBody']
type Step = Schema['Step']

const BARS: Record<Step['state'], string> = {
  passed: 'border-[color-mix(in_oklab,var(--live)_60%,var(--surface))]',
  skipped: 'border-line border-dashed',
  running: 'border-busy-fill',
  failed: 'border-fail',
}

export function StepBar({ build }: { build: Build }) {
  const { t } = useLingui()
  const nameOf = useStepName()
  const reached = new Map(build.steps.map((step) => [step.name, step]))
  const longest = Math.max(1, ...build.steps.map(({ tookMs }) => tookMs ?? 0))
  return (
    <ol aria-label={t`Steps`} className="flex gap-[3px]">
      {STEP_NAMES.map((name) => {
        const step = reached.get(name)
        return (
          // Its name has room however short it was; what is left is shared by duration.
          <li key={name} className="min-w-0 basis-auto" style={{ flexGrow: 1 + (99 * widthOf(step, longest)) / longest }}>
            {step
              ? <Link to="." search={(before) => ({ ...before, step: name })} state={askedAgain} resetScroll={false} replace className={`block border-t-4 pt-2 hover:bg-hover ${BARS[step.state]}`}><Label step={step} name={nameOf(name)} /></Link>
              : <span className="block border-t-4 border-dotted border-control pt-2 text-sm text-dim"><span className="cut block">{nameOf(name)}</span><span className="cut block text-xs max-sm:hidden"><Trans>not reached</Trans></span></span>}
          </li>
        )
      })}
    </ol>
  )
}

function widthOf(step: Step | undefined, longest: number): number {
  if (step?.state === 'running') return longest
  return step?.tookMs ?? 0
}

function Label({ step: { state, startedAt, tookMs }, name }: { step: Step; name: string }) {
  const format = useFormat()
  const word = useStateWord()
  return (
    <>
      <strong className={`cut block text-sm font-semibold ${state === 'failed' ? 'text-fail' : ''}`}>{state === 'failed' && <Icon name="failed" className="me-1 inline align-[-3px]" />}{state === 'running' && <Icon name="ring" className="me-1 inline align-[-3px]" />}{name}<span className="sr-only">: {word(state)}</span></strong>
      <span className="cut block text-xs text-dim max-sm:sr-only">
        {state === 'running' ? <Elapsed since={startedAt} /> : state === 'skipped' ? <Trans>nothing to do</Trans> : tookMs !== null && format.duration(tookMs)}
      </span>
    </>
  )
}
