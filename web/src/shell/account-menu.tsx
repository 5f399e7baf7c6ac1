/** The menu of whoever is signed in: their pages, how this browser shows them, the way out. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useState } from 'react'

import { messageOf } from '~/api/errors'
import { useMe } from '~/api/queries'
import { choose, type Locale, LOCALES } from '~/i18n'
import { useOnline } from '~/shell/online'
import { openOverlay } from '~/shell/overlay'
import { signOut } from '~/shell/sign-out'
import { chooseTheme, chosenTheme, type Theme } from '~/theme'
import { MenuChoice, MenuItem, MenuLine } from '~/ui/menu-parts'

export function AccountMenu() {
  const { t, i18n } = useLingui()
  const me = useMe()
  const { online } = useOnline()
  const [theme, setTheme] = useState(chosenTheme)
  const [problem, setProblem] = useState<string>()
  const themes: readonly (readonly [Theme, string])[] = [['system', t`As the system`], ['light', t`Light`], ['dark', t`Dark`]]
  return (
    <>
      <p className="px-2.5 py-1.5 text-sm">
        <bdi className="font-semibold">{me.username}</bdi>
        <span className="block text-dim">{me.role === 'admin' ? <Trans>Administrator</Trans> : <Trans>Member</Trans>}</span>
      </p>
      <MenuItem to="/account"><Trans>Account</Trans></MenuItem>
      {me.role === 'admin' && <MenuItem to="/users"><Trans>Users</Trans></MenuItem>}
      {me.role === 'admin' && <MenuItem to="/audit"><Trans>Audit log</Trans></MenuItem>}
      {me.role === 'admin' && <MenuItem to="/system"><Trans>System</Trans></MenuItem>}
      <MenuItem onClick={() => openOverlay('keys')}><Trans>Keyboard shortcuts</Trans></MenuItem>
      <MenuLine />
      <MenuChoice
        stays
        label={<Trans>Theme</Trans>}
        value={theme}
        choices={themes}
        onChoose={(next) => {
          setTheme(next)
          chooseTheme(next)
        }}
      />
      <MenuChoice
        stays
        label={<Trans>Language</Trans>}
        value={i18n.locale as Locale}
        choices={Object.entries(LOCALES).map(([locale, name]) => [locale as Locale, <bdi key={locale} lang={locale}>{name}</bdi>] as const)}
        onChoose={(locale) => void choose(locale)}
      />
      <MenuLine />
      <MenuItem stays disabled={!online} onClick={() => void signOut().catch((error: unknown) => setProblem(messageOf(error)))}><Trans>Sign out</Trans></MenuItem>
      {problem && <p className="max-w-60 px-2.5 py-1.5 text-sm text-fail" role="alert">{problem}</p>}
    </>
  )
}
