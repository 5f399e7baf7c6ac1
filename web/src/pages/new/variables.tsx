/** A whole .env, pasted: what was understood of it, line by line, and which of it is a secret. */

import { Plural, Trans, useLingui } from '@lingui/react/macro'

import { fieldOf } from '~/api/errors'
import { Button } from '~/ui/button'
import { TextArea } from '~/ui/field'
import { Icon } from '~/ui/icons'
import type { Env, Kind, Variable } from './env'
import { Step } from './step'

type VariablesProps = { text: string; onText: (text: string) => void; env: Env; onKind: (key: string, kind: Kind) => void; error: unknown }

const EXAMPLE = 'DATABASE_URL=postgres://…'

const ROW = 'grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-3 gap-y-0.5 border-t border-line py-1.5 ps-4 pe-2 sm:min-h-11 sm:grid-cols-[minmax(0,1fr)_minmax(0,1.3fr)_112px]'

export function VariablesStep({ text, onText, env, onKind, error }: VariablesProps) {
  const { t, i18n } = useLingui()
  return (
    <Step number={4} title={<Trans>Variables</Trans>} aside={<span className="pe-2 text-sm text-muted"><Trans>optional</Trans></span>}>
      <div className="p-4">
        <TextArea
          label={t`Paste a whole .env`}
          name="env"
          rows={4}
          autoComplete="off"
          placeholder={EXAMPLE}
          hint={<Trans>Secrets are sealed when you deploy and can never be read back.</Trans>}
          error={fieldOf(error, 'variables')}
          value={text}
          onChange={(event) => onText(event.target.value)}
        />
      </div>
      {(env.variables.length > 0 || env.remarks.length > 0) && (
        <ul aria-label={t`What was understood`}>
          {env.variables.map((variable, index) => (
            <Understood key={variable.key} variable={variable} onKind={(kind) => onKind(variable.key, kind)} error={fieldOf(error, `variables[${index}]`)} />
          ))}
          {env.remarks.map(({ line, key, reason, isProblem }) => (
            <li key={`${line}-${key}`} className={ROW}>
              <code dir="ltr" className="cut text-start text-dim">{key}</code>
              <span className={`text-sm max-sm:col-span-2 max-sm:row-start-2 ${isProblem ? 'text-fail' : 'text-muted'}`}><Trans>Line {line}:</Trans> {i18n._(reason)}</span>
              <span className={`state justify-self-end pe-3 ${isProblem ? 'tone-fail' : 'tone-idle'}`}><Icon name={isProblem ? 'failed' : 'slashed'} />{isProblem ? <Trans>Not taken</Trans> : <Trans>Skipped</Trans>}</span>
            </li>
          ))}
        </ul>
      )}
    </Step>
  )
}

function Understood({ variable: { key, value, kind }, onKind, error }: { variable: Variable; onKind: (kind: Kind) => void; error: string | undefined }) {
  const { t } = useLingui()
  const isSecret = kind === 'secret'
  return (
    <li className={ROW}>
      <code dir="ltr" className="cut text-start">{key}</code>
      <span className="text-sm text-muted max-sm:col-span-2 max-sm:row-start-2">
        {error ? <span className="text-fail" role="alert">{error}</span> : isSecret ? <Plural value={[...value].length} _0="empty" one="# character" other="# characters" /> : <Trans>Visitors can read it</Trans>}
      </span>
      <Button
        look="quiet"
        className="justify-self-end"
        icon={isSecret ? 'lock' : 'eye'}
        aria-label={isSecret ? t`${key} is a secret; make it public` : t`${key} is public; make it a secret`}
        onClick={() => onKind(isSecret ? 'plain' : 'secret')}
      >
        {isSecret ? <Trans>Secret</Trans> : <Trans>Public</Trans>}
      </Button>
    </li>
  )
}
