/** The frame for whoever is not signed in, and for addresses that lead nowhere: the mark, one thing to do, and the language to do it in. */

import { Trans, useLingui } from '@lingui/react/macro'
import { Outlet } from '@tanstack/react-router'

import { choose, type Locale, LOCALES } from '~/i18n'
import { ConnectionBar } from '~/shell/connection'
import { Skip } from '~/shell/skip'
import { Mark } from '~/ui/mark'

export function Outside({ children = <Outlet /> }: { children?: React.ReactNode }) {
  return (
    <>
      <Skip />
      <ConnectionBar />
      <div className="mx-auto grid min-h-dvh max-w-[440px] content-start gap-6 px-3 py-8 sm:pt-20">
        <header className="flex items-center gap-2 text-[calc(15rem/14)] font-bold"><Mark />Berth</header>
        <main id="main" className="panel grid gap-4 p-5 sm:p-6">
          {children}
        </main>
        <footer><Language /></footer>
      </div>
    </>
  )
}

function Language() {
  const { i18n } = useLingui()
  return (
    <label className="flex items-center gap-2 text-sm text-muted">
      <Trans>Language</Trans>
      <select className="input w-auto" value={i18n.locale} onChange={({ target }) => void choose(target.value as Locale)}>
        {Object.entries(LOCALES).map(([locale, name]) => <option key={locale} value={locale} lang={locale}>{name}</option>)}
      </select>
    </label>
  )
}
