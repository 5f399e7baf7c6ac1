/** The start: language, then the page of the address. */

import { i18n } from '@lingui/core'
import { I18nProvider, useLingui } from '@lingui/react'
import { DirectionProvider } from '@base-ui/react/direction-provider'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'

import { onSessionEnd } from '~/api/client'
import { Refusal } from '~/api/errors'
import { directionOf, preferred, speak } from '~/i18n'
import { routerOf } from '~/router'
import { loadAnew } from '~/shell/piece'
import '~/theme'

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // What changes is told by the live connection, so nothing is asked twice for being old.
      staleTime: 60_000,
      // What was refused stays refused; what did not arrive is tried again while the bar says so.
      retry: (count, error) => (error instanceof Refusal && error.status > 0 && error.status < 500 ? false : count < 3),
    },
  },
})

const router = routerOf(queries)

/** Whose session ended is led to the sign-in, and back to what they were looking at. */
onSessionEnd(() => {
  const { pathname, href } = router.state.location
  if (pathname === '/login') return
  void router.navigate({ to: '/login', search: { next: href, ended: true }, replace: true }).then(() => queries.clear())
})

function Dashboard() {
  const { i18n } = useLingui()
  return (
    <DirectionProvider direction={directionOf(i18n.locale)}>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </DirectionProvider>
  )
}

/** A language that does not come, not even for a page that was just loaded, leaves the dashboard in English. */
async function findWords(): Promise<void> {
  try {
    await speak(preferred())
  } catch {
    if (!loadAnew()) await speak('en')
  }
}

// Without words of any language nothing is drawn: the page's own sentence says so.
await findWords().catch(() => document.getElementById('speechless')?.removeAttribute('hidden'))
createRoot(document.getElementById('app')!).render(
  <StrictMode>
    <I18nProvider i18n={i18n}>
      <Dashboard />
    </I18nProvider>
  </StrictMode>,
)
