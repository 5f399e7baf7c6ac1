/** Ends the session. The page is loaded anew, so nothing of what was shown stays for whoever comes next. */

import { api } from '~/api/client'
import { sendToasts } from '~/ui/toast'

export async function signOut(): Promise<void> {
  await sendToasts()
  await api.DELETE('/api/v1/sessions/current')
  location.assign('/login')
}
