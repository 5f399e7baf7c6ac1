/**
 * Why a build is held or was skipped, and what a delivery said and led to, by the server's codes. In English they are the server's
 * own sentences, of which crates/model/src/reason.rs is the table.
 */

import { msg } from '@lingui/core/macro'
import type { MessageDescriptor } from '@lingui/core'

import type { Sayings, ValuesOf } from '~/reasons/sayings'

type PullRequest = ValuesOf<'pull_request'>

const PULL_REQUEST: Readonly<Record<PullRequest['action'], (number: number) => MessageDescriptor>> = {
  opened: (number) => msg`pull request #${number} was opened`,
  updated: (number) => msg`pull request #${number} was updated`,
  reopened: (number) => msg`pull request #${number} was reopened`,
  edited: (number) => msg`pull request #${number} was edited`,
  closed: (number) => msg`pull request #${number} was closed`,
}

export const OF_PUSHES = {
  // Of a build: why it is skipped or held
  skipped_by_message: ({ word }) => msg`skipped: the commit’s message says ${word}`,
  skipped_below: ({ directory }) => msg`skipped: no change under ${directory}`,
  skipped_by_patterns: ({ patterns }) => msg`skipped: no change matches the watch patterns ${patterns}`,
  name_of_pull_request: () => msg`branches with a name like pull/7 have no preview: pull requests from forks have it`,
  hosts_taken: ({ wanted, other }) => msg`the hosts ${wanted} and ${other} are taken; rename the branch or the project`,
  from_fork: ({ fork }) => msg`a pull request from ${fork}: approve it to build it`,
  // Of a delivery: what it says
  push: ({ branch }) => msg`a push to ${branch}`,
  branch_deleted: ({ branch }) => msg`${branch} was deleted`,
  pull_request: ({ number, action }) => (Object.hasOwn(PULL_REQUEST, action) ? PULL_REQUEST[action](number) : undefined),
  hook_works: () => msg`the host tried the hook, and it works`,
  not_branch: () => msg`not a branch`,
  branch_unmoved: () => msg`a test: the branch did not move`,
  other_event: () => msg`Berth builds on push and pull_request events only`,
  other_event_of_gitlab: () => msg`Berth builds on push and merge request events only`,
  pull_request_unnamed: () => msg`it names no pull request`,
  merge_request_unnamed: () => msg`it names no merge request`,
  other_of_pull_request: () => msg`nothing is built when this happens to a pull request`,
  other_of_merge_request: () => msg`nothing is built when this happens to a merge request`,
  // Of a delivery: why it was not believed, or is nobody's
  accepted_before: () => msg`accepted before`,
  no_project: () => msg`no project is connected to this repository`,
  no_repository: () => msg`this project has no repository`,
  another_repository: ({ named, own }) => msg`it is about ${named}, and this project is built from ${own}`,
  not_json: ({ line, column }) => msg`not the JSON of such an event: line ${line}, column ${column}`,
  bad_value: ({ field, problem }) => msg`${field}: ${problem}`,
  no_payload: () => msg`the form has no field payload`,
  no_delivery_type: () => msg`a delivery is application/json or application/x-www-form-urlencoded`,
  unknown_sender: () => msg`no header tells who sent it; add the hook as one of GitHub’s, Gitea’s, Forgejo’s or GitLab’s form`,
  not_signed: ({ header }) => msg`it is not signed (${header}); enter the hook’s secret where it was added`,
  no_token: ({ header }) => msg`it has no token (${header}); enter the hook’s secret where it was added`,
  signed_otherwise: () => msg`the signature is not this body’s; choose the content type application/json where the hook was added`,
  other_secret: () => msg`it is signed with another secret; enter the one that was shown when this hook was made, or make a new one`,
  // Of a delivery: what it led to for a project
  build: ({ build }) => msg`build #${build}`,
  build_held: ({ build }) => msg`build #${build} is held`,
  built_already: ({ branch }) => msg`${branch} has a build of this commit`,
  preview_removed: ({ branch }) => msg`the preview of ${branch} was removed`,
  preview_shows: ({ branch }) => msg`the preview of ${branch} shows it`,
  no_preview: ({ branch }) => msg`${branch} has no preview`,
  no_preview_ends: () => msg`no preview ends with it`,
  previews_off: () => msg`previews are off`,
  own_branch_gone: () => msg`its own branch is gone; the site stays`,
  own_branch: () => msg`it is of the branch that goes live`,
} satisfies Partial<Sayings>
