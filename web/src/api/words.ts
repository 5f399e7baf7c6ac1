/**
 * What the server refuses, in the reader's language, by its codes: all of them, or this does not compile. Its own sentences are
 * English and know more (names, numbers): in English they are shown as they are.
 */

import { msg } from '@lingui/core/macro'
import type { MessageDescriptor } from '@lingui/core'

import type { components } from '~/api/schema'

type ErrorCode = components['schemas']['ErrorCode']
type InputCode = components['schemas']['InputCode']

/** Of a whole request. */
export const REFUSALS: Readonly<Record<ErrorCode, MessageDescriptor>> = {
  bad_request: msg`The request could not be understood.`,
  invalid_inputs: msg`Something that was entered cannot be taken.`,
  method_not_allowed: msg`Nothing at this address takes such a request.`,
  not_found: msg`It is not there: it was removed, or it is somebody else’s.`,
  too_large: msg`What was sent is larger than Berth takes.`,
  too_slow: msg`What was sent came in too slowly.`,
  unsupported_media_type: msg`Nothing at this address takes contents of this kind.`,
  unauthorized: msg`Your session ended. Sign in again.`,
  forbidden: msg`It is somebody else’s.`,
  foreign_origin: msg`This page was not opened at the dashboard’s own address. Open it there and try again.`,
  wrong_credentials: msg`There is no such account, or its password is another.`,
  wrong_setup_token: msg`This is not the setup token. The server’s first lines say where it is.`,
  already_set_up: msg`This Berth is set up already: sign in.`,
  signup_closed: msg`This Berth accepts no new accounts. Ask its administrator.`,
  sign_in_expired: msg`This sign-in was not begun in this browser, or it took too long. Begin again.`,
  sign_in_unfinished: msg`The sign-in was not finished at GitHub. Begin again.`,
  account_deactivated: msg`This account is deactivated. Ask an administrator of this Berth.`,
  admins_only: msg`This is for administrators.`,
  no_password: msg`This account has no password: it signs in with GitHub.`,
  dead_link: msg`The link was used, has run out, was withdrawn or is not complete. Ask an administrator for a new one, or sign in if you have an account.`,
  too_many_attempts: msg`There were too many attempts.`,
  too_many_requests: msg`There were too many requests.`,
  api_token_refused: msg`The API token was revoked, has run out, or never was one.`,
  api_token_not_enough: msg`An API token cannot do this. Sign in.`,
  project_token: msg`This API token is for one project alone.`,
  conflict: msg`Something changed meanwhile, so this cannot be done as things are now. Look at the page again.`,
  activation_refused: msg`This version cannot go live as things are now.`,
  already_finished: msg`The build has ended already.`,
  no_hook: msg`There is no such webhook yet.`,
  no_preview: msg`No preview can be made of this branch.`,
  not_at_github: msg`The repository is not at GitHub.`,
  not_confirmed: msg`Whether it is live could not be found out in time. Look at the project.`,
  not_replayable: msg`Only a push or a pull request whose contents were kept can be replayed.`,
  previews_off: msg`The project makes no previews.`,
  promotion_needs_rebuild: msg`Production’s builds get other values than the preview’s build got.`,
  promotion_of_fork: msg`A commit from a fork is not built with production’s secrets. Merge its pull request: the push builds it.`,
  too_many_watchers: msg`Too many pages watch the visitors of this project. Close one of them.`,
  unopened_value: msg`A value cannot be opened with the keys that Berth has. Set it again in the project that it is in.`,
  bad_archive: msg`The folder that was sent cannot be unpacked.`,
  folder_too_large: msg`The folder is larger than Berth takes.`,
  bad_signature: msg`The delivery is not signed with this project’s secret.`,
  delivery_rejected: msg`The delivery was refused.`,
  busy: msg`Berth is looking at other repositories.`,
  timed_out: msg`The git host did not answer in time.`,
  branch_not_found: msg`The repository has no such branch.`,
  repository_access: msg`The repository does not open with this access.`,
  repository_not_found: msg`There is no such repository, or it is private.`,
  github_no_admin: msg`GitHub does not let you add a webhook: it needs admin access to the repository, and an organization may have to approve this application.`,
  github_not_configured: msg`Signing in with GitHub is not set up here. Whoever runs this machine sets CLIENT_ID and CLIENT_SECRET.`,
  github_not_connected: msg`Connect your GitHub account first.`,
  github_rate_limited: msg`GitHub takes no more requests for your account for now.`,
  github_reconnect: msg`GitHub no longer accepts the access that it gave. Connect it again.`,
  github_refused: msg`GitHub refused this.`,
  github_unavailable: msg`GitHub cannot be reached. Try again in a minute.`,
  internal: msg`Something went wrong inside Berth. Its log has the details; sites are not affected.`,
  unavailable: msg`Berth cannot answer this right now. Sites are not affected.`,
}

/** Of one field. */
export const INPUTS: Readonly<Record<InputCode, MessageDescriptor>> = {
  needed: msg`This is needed.`,
  name_too_long: msg`A name has at most 63 characters.`,
  name_characters: msg`A name is made of lower-case letters a–z, digits and hyphens.`,
  name_hyphens: msg`A name begins and ends with a letter or digit, and has no two hyphens as its third and fourth character.`,
  name_reserved: msg`This name is reserved. Choose another.`,
  name_taken: msg`This name is taken. Choose another.`,
  branch_form: msg`Git has no such names of branches.`,
  repo_url_scheme: msg`The address begins with https:// (ssh, git, files and local paths are not fetched).`,
  repo_url_credentials: msg`The address holds no user and no password: give an access token.`,
  repo_url_form: msg`This is not the address of a repository. They look like https://github.com/owner/name`,
  directory_form: msg`Name a directory inside the repository, without “..” and without a slash at the beginning.`,
  key_form: msg`A key is made of letters, digits and _, and does not start with a digit.`,
  key_taken: msg`Another one has this key, for the same builds. Change that one, or remove it first.`,
  login_form: msg`A login name is made of letters a–z, digits and . _ - + @. An e-mail address will do.`,
  login_taken: msg`This login name is taken. If it is yours, sign in.`,
  password_length: msg`A password has 12 to 1,024 characters.`,
  node_version_form: msg`A version of Node looks like 20, 20.11.1 or >=18.`,
}
