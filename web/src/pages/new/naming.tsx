/** The name, and whether its address is free, while it is typed. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'
import { useId } from 'react'

import { hostOf } from '~/actions/names'
import { fieldOf, problemOf } from '~/api/errors'
import { nameQuery } from '~/api/queries'
import { Icon } from '~/ui/icons'
import { useSettled } from './queries'
import { Step } from './step'

/** What is known of a name: `undefined` until the server has answered for these very letters. */
export function useNameAnswer(name: string) {
  const settled = useSettled(name, 250)
  const { data } = useQuery(nameQuery(settled))
  return settled === name ? data : undefined
}

type NamingProps = { number: number; name: string; onName: (name: string) => void; answer: ReturnType<typeof useNameAnswer>; error: unknown }

export function NamingStep({ number, name, onName, answer, error }: NamingProps) {
  const { t } = useLingui()
  const id = useId()
  const said = fieldOf(error, 'name') ?? (answer && !answer.available && answer.reason ? problemOf({ code: answer.code, message: answer.reason }) : undefined)
  const suffix = answer?.url && hostOf(answer.url).startsWith(`${name}.`) ? hostOf(answer.url).slice(name.length) : undefined
  return (
    <Step number={number} title={<Trans>Name and address</Trans>}>
      <div className="grid gap-2 p-4">
        <label htmlFor={id} className="sr-only"><Trans>Name</Trans></label>
        <div dir="ltr" className="flex min-w-0">
          <input
            id={id}
            name="name"
            required
            className={`input max-w-72 flex-1 ${suffix ? 'rounded-e-none' : ''}`}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            value={name}
            aria-invalid={said !== undefined}
            aria-describedby={`${id}-words`}
            onChange={(event) => onName(event.target.value)}
          />
          {suffix && <span className="input w-auto min-w-0 rounded-s-none border-s-0 bg-sunken text-muted"><span className="cut">{suffix}</span></span>}
        </div>
        <p id={`${id}-words`} role="status" className="flex min-h-[18px] items-center gap-2 text-sm">
          {name === ''
            ? <span className="text-dim"><Trans>The first part of its address: lower-case letters, digits and hyphens.</Trans></span>
            : said
              ? <span className="text-fail"><bdi>{said}</bdi></span>
              : answer?.available
                ? <span className="flex items-center gap-2 text-live"><Icon name="check" /><Trans>This address is free.</Trans></span>
                : <span className="text-dim">{t`Checking…`}</span>}
        </p>
      </div>
    </Step>
  )
}
