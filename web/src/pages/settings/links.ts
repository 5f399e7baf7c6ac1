/**
 * Where each setting is changed, and what it is called. A failure names the setting that would change it; the build page
 * leads there, and the field takes the focus (arrive.tsx).
 */

import { msg } from '@lingui/core/macro'
import type { I18n, MessageDescriptor } from '@lingui/core'

export const SECTIONS = ['build', 'secrets', 'access', 'webhook', 'limits', 'delete'] as const
export type Section = (typeof SECTIONS)[number]

const SETTINGS: Record<string, readonly [Section, MessageDescriptor]> = {
  rootDirectory: ['build', msg`Root directory`],
  installCommand: ['build', msg`Install command`],
  buildCommand: ['build', msg`Build command`],
  outputDirectory: ['build', msg`Output directory`],
  nodeVersion: ['build', msg`Node version`],
  spaFallback: ['build', msg`Pages that are not there`],
  previews: ['build', msg`Previews`],
  watch: ['build', msg`Watched paths`],
  pollEvery: ['build', msg`Look for new commits`],
  repoUrl: ['build', msg`Repository`],
  branch: ['build', msg`Branch that goes live`],
  repoUser: ['build', msg`User for the token`],
  repoToken: ['build', msg`Access token`],
  name: ['build', msg`Name`],
  secrets: ['secrets', msg`Secrets`],
  variables: ['secrets', msg`Secrets`],
  protection: ['access', msg`Access`],
}

export type SettingTarget =
  | { to: '/projects/$project/settings/{-$section}'; params: { project: string; section: Section }; hash: string }
  | { to: '/account'; hash: string }

/** The link to what changes `setting`; `undefined`: nobody changes it in the dashboard. */
export function settingLink(project: string, setting: string): SettingTarget | undefined {
  if (setting === 'github') return { to: '/account', hash: 'github' }
  const section = setting.startsWith('BERTH_BUILD_') ? 'limits' : SETTINGS[setting]?.[0]
  return section && { to: '/projects/$project/settings/{-$section}', params: { project, section }, hash: setting }
}

/** What `setting` is called for people; the operator's are called by their own name. */
export function settingName(i18n: I18n, setting: string): string {
  if (setting === 'github') return i18n._(msg`GitHub account`)
  const named = SETTINGS[setting]
  return named ? i18n._(named[1]) : setting
}
