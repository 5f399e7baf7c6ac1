/**
 * Why builds fail, in the reader's language, by the server's codes. The server's own sentences are English and name the very file,
 * line and limit: in English they are shown as they are; elsewhere what happened and what to do is said first, and they are quoted.
 */

import { msg } from '@lingui/core/macro'
import { useLingui } from '@lingui/react'
import type { I18n, MessageDescriptor } from '@lingui/core'

import type { components } from '~/api/schema'

type Failure = components['schemas']['Failure']
type Code = components['schemas']['FailureCode']

/** What happened, and what to do. */
const WORDS: Readonly<Record<Code, readonly [MessageDescriptor, MessageDescriptor]>> = {
  source_unavailable: [
    msg`The repository, its branch or its commit could not be fetched.`,
    msg`Look whether the address, the branch and the access token are right, and whether the git host answers. Then build again.`,
  ],
  source_forbidden: [msg`Berth may not fetch from the repository’s address.`, msg`Use another address, or ask the operator to allow this one.`],
  source_too_large: [msg`The repository is larger than its limit.`, msg`Take large files out of the repository and its history, or ask the operator for a higher limit.`],
  bad_settings: [msg`A setting of the project does not fit the repository.`, msg`Compare the project’s build settings with the files of this commit.`],
  bad_repository: [msg`The repository cannot be built as it is.`, msg`Correct what is named below, and push again.`],
  server_application: [
    msg`Berth does not know how to run this application.`,
    msg`Add a Dockerfile, a start script in package.json, or a start command in berth.toml.`,
  ],
  lockfile_out_of_step: [
    msg`The lockfile does not fit package.json.`,
    msg`package.json was changed without its lockfile. Install on your machine, and commit the lockfile together with package.json.`,
  ],
  missing_script: [msg`The build command runs a script that package.json does not have.`, msg`Add the script, or set another build command.`],
  package_unavailable: [
    msg`The registry did not give out a package.`,
    msg`If it is private, give its token as a secret. Otherwise check its name and its version.`,
  ],
  engine_mismatch: [msg`A package or a tool does not work with this version of Node.`, msg`Set another version of Node, here or in the repository.`],
  install_failed: [msg`The dependencies could not be installed.`, msg`The log says at which one it ended, and why.`],
  command_failed: [msg`The build command failed.`, msg`The log says why. The same command fails on your machine in the same way, if it has what is in the repository and nothing else.`],
  network_refused: [
    msg`The build tried to reach an address that builds may not reach.`,
    msg`Builds reach the internet, and nothing of this machine or its network. Use a public address, or ask the operator to allow this one.`,
  ],
  host_unreachable: [msg`A host that the build asked did not answer, or its name is not known.`, msg`Check the name. If the host was only away for a moment, build again.`],
  killed: [msg`A signal ended the command.`, msg`None of Berth’s limits did it. The end of the log may say why.`],
  out_of_memory: [
    msg`The build used more memory than it may, so it was stopped.`,
    msg`Give it less to hold at once (fewer workers, no source maps), or ask the operator for a higher limit.`,
  ],
  timed_out: [msg`The build took longer than it may, so it was stopped.`, msg`Look in the log for what it waited for, or ask the operator for more time.`],
  no_space: [msg`There was not enough room on the disk.`, msg`If the build writes much, look for what it writes. Otherwise ask the operator for more disk, then build again.`],
  missing_output: [msg`The output directory is not there, or holds nothing that can be published.`, msg`Set the output directory to where the build writes its files.`],
  output_too_large: [
    msg`The output is larger than its limit.`,
    msg`Publish fewer or smaller files: look for dependencies and caches that were copied along. Or ask the operator for a higher limit.`,
  ],
  bad_output: [msg`The output holds something that cannot be published.`, msg`Correct or remove what is named below, then build again.`],
  secret_in_output: [
    msg`The output contains a secret, so nothing was published.`,
    msg`Everybody could have read it. Use it only in code that runs during the build, or make it public if everybody may know it.`,
  ],
  secret_unreadable: [
    msg`A stored secret cannot be opened.`,
    msg`Set it anew, or connect your account anew if it is your access to GitHub. Or ask the operator for the key that it was sealed with.`,
  ],
  canceled: [msg`Somebody canceled the build.`, msg`Build it again when it is wanted.`],
  internal: [
    msg`Berth could not carry this build out.`,
    msg`Nothing in the repository is known to cause this. Build again; if it happens again, ask the operator, whose log says more.`,
  ],
}

export type FailureWords = {
  title: string
  detail: string
  /** The server's own words where the others are general. They are English. */
  original: string | undefined
}

export function useFailureWords(): (failure: Failure) => FailureWords {
  const { i18n } = useLingui()
  return (failure) => wordsOf(i18n, failure)
}

export function wordsOf(i18n: I18n, { code, title, detail }: Failure): FailureWords {
  const told = { title: ended(title), detail: ended(detail) }
  if (i18n.locale === 'en') return { ...told, original: undefined }
  const [happened, advice] = WORDS[code]
  return { title: i18n._(happened), detail: i18n._(advice), original: `${told.title} ${told.detail}`.trim() }
}

/** What the server says begins in lower case where it stands in a sentence; here it stands alone. */
function ended(words: string): string {
  const text = words.charAt(0).toUpperCase() + words.slice(1)
  return text === '' || /[.!?…:]$/.test(text) ? text : `${text}.`
}
