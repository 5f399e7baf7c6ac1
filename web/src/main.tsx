/** The start: language, then the page of the address. */

import { i18n } from '@lingui/core'
import { I18nProvider, useLingui } from '@lingui/react'
import { DirectionProvider } from '@base-ui/react/direction-provider'
import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'

import { Refusal } from '~/api/errors'
import { keys } from '~/api/keys'
import { directionOf, preferred, speak } from '~/i18n'
import { routerOf } from '~/router'
import '~/theme'

/** Whose session ended is led to the sign-in, whatever they were looking at. */
const queryCache = new QueryCache({
  onError(error, query) {
    if (error instanceof Refusal && error.status === 401 && query.queryKey[0] !== keys.me[0]) {
      queries.setQueryData(keys.me, null)
      void router.invalidate()
    }
  },
})

const queries = new QueryClient({
  queryCache,
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

await speak(preferred())
createRoot(document.getElementById('app')!).render(
  <StrictMode>
    <I18nProvider i18n={i18n}>
      <Dashboard />
    </I18nProvider>
  </StrictMode>,
)
