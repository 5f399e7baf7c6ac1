/** What the audit log's actions and means are called. A word that the server has and this list has not does not compile. */

import type { MessageDescriptor } from '@lingui/core'
import { msg } from '@lingui/core/macro'

import type { Schema } from '~/api/client'

export const ACTIONS: Record<Schema['AuditAction'], MessageDescriptor> = {
  set_up: msg`First administrator made`,
  session_opened: msg`Signed in`,
  session_refused: msg`Sign-in refused`,
  session_ended: msg`Session ended`,
  sessions_ended: msg`Other sessions ended`,
  user_created: msg`Account opened`,
  user_changed: msg`Account changed`,
  user_signed_out: msg`Signed out everywhere`,
  user_removed: msg`Account removed`,
  password_changed: msg`Password set`,
  password_link_created: msg`Password link made`,
  invitation_created: msg`Invitation made`,
  invitation_revoked: msg`Link withdrawn`,
  github_connected: msg`GitHub connected`,
  github_disconnected: msg`GitHub disconnected`,
  token_created: msg`API token made`,
  token_revoked: msg`API token revoked`,
  project_created: msg`Project made`,
  project_changed: msg`Project settings changed`,
  project_transferred: msg`Project given to another owner`,
  project_deleted: msg`Project deleted`,
  variables_set: msg`Variables set`,
  variable_changed: msg`Variable changed`,
  variable_deleted: msg`Variable removed`,
  hook_secret_set: msg`Webhook secret made`,
  hook_removed: msg`Webhook removed`,
  hook_repaired: msg`Webhook at GitHub repaired`,
  deploy_hook_created: msg`Deploy hook made`,
  deploy_hook_deleted: msg`Deploy hook deleted`,
  build_queued: msg`Build asked for`,
  build_approved: msg`Build approved`,
  build_canceled: msg`Build canceled`,
  folder_deployed: msg`Folder deployed`,
  deployment_rolled_back: msg`Earlier version put live`,
  deployment_promoted: msg`Put live in production`,
  preview_removed: msg`Preview removed`,
  service_scaled: msg`Replicas of a service changed`,
  service_restarted: msg`Service restarted`,
  volume_removed: msg`Volume removed with its data`,
  run_requested: msg`Command asked for`,
  run_stopped: msg`Command stopped`,
  secrets_rotated: msg`Secrets sealed with a new key`,
}

export const MEANS_WORDS: Record<Schema['AuditMeans'], MessageDescriptor> = {
  session: msg`Signed in, in a browser`,
  token: msg`With an API token`,
  hook: msg`A delivery of a git host`,
  deploy_hook: msg`By a deploy hook`,
  link: msg`With an administrator’s link`,
  sign_in: msg`By signing in`,
  system: msg`Berth itself`,
}
