/** A project's build settings as a form shows them, and a changed form as the server takes it. */

import type { Schema } from '~/api/client'

export type Settings = {
  rootDirectory: string
  nodeVersion: string
  installCommand: string
  outputDirectory: string
  buildCommand: string
  noBuild: boolean
  spaFallback: string
}

/** What is left to detection is empty. */
export function settingsOf(project: Pick<Schema['ProjectBody'], Exclude<keyof Settings, 'noBuild'>>): Settings {
  return {
    rootDirectory: project.rootDirectory ?? '',
    nodeVersion: project.nodeVersion ?? '',
    installCommand: project.installCommand ?? '',
    outputDirectory: project.outputDirectory ?? '',
    buildCommand: project.buildCommand ?? '',
    noBuild: project.buildCommand === '',
    spaFallback: project.spaFallback === null ? '' : String(project.spaFallback),
  }
}

/** What is empty goes back to detection; an empty build command is told apart from it: nothing is built. */
export function changeOf(changed: Partial<Settings>, values: Settings): Schema['ProjectChangeForm'] {
  const { noBuild, spaFallback, ...texts } = changed
  const change: Schema['ProjectChangeForm'] = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, text.trim() || null]))
  if (noBuild !== undefined || texts.buildCommand !== undefined) change.buildCommand = values.noBuild ? '' : values.buildCommand.trim() || null
  if (spaFallback !== undefined) change.spaFallback = spaFallback === '' ? null : spaFallback === 'true'
  return change
}

/** A pattern a line; none at all leaves it to the root directory. */
export function patternsOf(text: string): string[] | null {
  const patterns = text.split('\n').map((line) => line.trim()).filter(Boolean)
  return patterns.length > 0 ? patterns : null
}
