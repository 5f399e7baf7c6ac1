/** What a new project is made of, while it is put together. */

import { SETTINGS, type Setting } from '~/plan/decisions'

/** Where its files come from. */
export type Repository = {
  kind: 'repository'
  repoUrl: string
  /** `owner/name` at GitHub, whose branches can be asked for; `undefined` at any other host. */
  github: string | undefined
  repoToken: string
  repoUser: string
}

export type Source = Repository | { kind: 'folder' }

/** Settings that were changed; what is absent is left to detection. An empty build command builds nothing. */
export type Changes = Partial<Record<Setting, string>>

/** What the server is told of changes: trimmed, and only those that say something. */
export function settingsOf(changes: Changes): Changes {
  const said = SETTINGS.map((name) => [name, changes[name]?.trim()] as const)
  return Object.fromEntries(said.filter(([name, value]) => value !== undefined && (value !== '' || name === 'buildCommand')))
}

/** How the server opens the repository. */
export function accessOf({ repoUrl, repoToken, repoUser }: Repository) {
  return { repoUrl, ...(repoToken && { repoToken }), ...(repoToken && repoUser && { repoUser }) }
}

/** A project's name out of a repository's: what a host name can hold. */
export function nameOf(repoUrl: string): string {
  const last = repoUrl.replace(/\/+$/, '').replace(/\.git$/, '').split(/[/:]/).pop() ?? ''
  return last.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').slice(0, 63).replaceAll(/^-+|-+$/g, '')
}
