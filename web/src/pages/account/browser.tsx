/** How this browser shows the dashboard. It is kept here, not in the account, and holds at once. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useState } from 'react'

import { choose, type Locale, LOCALES } from '~/i18n'
import { switchSingleKeys, useSingleKeys } from '~/shell/keys'
import { openOverlay } from '~/shell/overlay'
import { chooseTheme, chosenTheme, type Theme } from '~/theme'
import { Button } from '~/ui/button'
import { Checkbox, Select } from '~/ui/field'
import { Panel } from '~/ui/panel'

export function Browser() {
  const { t, i18n } = useLingui()
  const singleKeys = useSingleKeys()
  const [theme, setTheme] = useState(chosenTheme)
  return (
    <Panel title={t`This browser`}>
      <div className="grid gap-4 p-4 sm:grid-cols-2">
        <Select
          label={t`Language`}
          value={i18n.locale}
          onChange={(event) => void choose(event.target.value as Locale)}
          options={Object.entries(LOCALES)}
        />
        <Select
          label={t`Theme`}
          value={theme}
          onChange={(event) => {
            const next = event.target.value as Theme
            setTheme(next)
            chooseTheme(next)
          }}
          options={[['system', t`As the system`], ['light', t`Light`], ['dark', t`Dark`]]}
        />
        <div className="grid justify-items-start gap-2 sm:col-span-2">
          <Checkbox
            checked={singleKeys}
            onChange={(event) => switchSingleKeys(event.target.checked)}
            label={<Trans>Shortcuts of a single key</Trans>}
            hint={<Trans>Off, if a key that was not meant does something: with speech input, for example. The palette stays.</Trans>}
          />
          <Button look="quiet" onClick={() => openOverlay('keys')}><Trans>Show the keyboard shortcuts</Trans></Button>
        </div>
      </div>
    </Panel>
  )
}
