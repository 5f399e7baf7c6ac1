/** The languages. Each has one catalogue, loaded when it is needed; the choice is kept in this browser. */

import { i18n } from '@lingui/core'

import { loadAnew, piece } from '~/shell/piece'

export const LOCALES = { en: 'English', nl: 'Nederlands', ar: 'العربية' } as const
export type Locale = keyof typeof LOCALES

const CATALOGUES = {
  en: () => import('./locales/en.po'),
  nl: () => import('./locales/nl.po'),
  ar: () => import('./locales/ar.po'),
}

const RIGHT_TO_LEFT: readonly Locale[] = ['ar']

/** The one that was chosen here, else the browser's first that there is, else English. */
export function preferred(): Locale {
  const wishes = [localStorage.getItem('locale'), ...navigator.languages.map((tag) => tag.split('-')[0])]
  return wishes.find((wish): wish is Locale => wish != null && wish in LOCALES) ?? 'en'
}

/** The page's direction for `locale`. */
export function directionOf(locale: string): 'ltr' | 'rtl' {
  return RIGHT_TO_LEFT.includes(locale as Locale) ? 'rtl' : 'ltr'
}

export async function speak(locale: Locale): Promise<void> {
  const { messages } = await piece(CATALOGUES[locale])
  i18n.load(locale, messages)
  i18n.activate(locale)
  document.documentElement.lang = locale
  document.documentElement.dir = directionOf(locale)
}

/** Changes the language of this browser. */
export async function choose(locale: Locale): Promise<void> {
  localStorage.setItem('locale', locale)
  await speak(locale).catch(loadAnew)
}
