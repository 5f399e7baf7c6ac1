/** In the place of a question whose facts could not be fetched: a click is never answered with silence. */

import { Trans } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'

import type { DialogProps } from '~/actions/dialogs'
import { messageOf } from '~/api/errors'
import { projectQuery } from '~/api/queries'
import { Button } from '~/ui/button'
import { Dialog } from '~/ui/dialog'

/** `about`: the project that the question needs. As soon as it is there the question is asked. */
export function Unanswered({ about, open, onClose }: DialogProps & { about: number }) {
  const { error, failureReason, isFetching, refetch } = useQuery(projectQuery(about))
  const problem = error ?? failureReason
  return (
    <Dialog open={open && problem !== null} onClose={onClose} title={<Trans>The project could not be loaded</Trans>}>
      <p className="text-sm text-fail" role="alert">{problem && messageOf(problem)}</p>
      <p className="text-muted"><Trans>Without it nobody can say what would follow, so nothing was done.</Trans></p>
      <div className="flex flex-wrap justify-end gap-2">
        <Button look="quiet" onClick={onClose}><Trans>Close</Trans></Button>
        <Button look="primary" pending={isFetching} onClick={() => void refetch()}><Trans>Try again</Trans></Button>
      </div>
    </Dialog>
  )
}
