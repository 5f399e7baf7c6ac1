/** A test delivery, and what became of it: to the project's own hook, or without one by GitHub to its. */

import { Trans } from '@lingui/react/macro'
import { useMutation } from '@tanstack/react-query'

import { api, body, type Schema } from '~/api/client'
import { messageOf } from '~/api/errors'
import { Button } from '~/ui/button'

export function Trial({ project }: { project: Schema['ProjectBody'] }) {
  const test = useMutation({ mutationFn: () => body(api.POST('/api/v1/projects/{id}/hook/test', { params: { path: { id: project.id } } })) })
  const isBad = test.isError || test.data?.delivered === false
  return (
    <>
      <Button acts pending={test.isPending} onClick={() => test.mutate()}><Trans>Send a test delivery</Trans></Button>
      <p role="status" className={`min-w-0 basis-full text-sm ${isBad ? 'text-fail' : 'text-muted'}`}>
        {test.error ? messageOf(test.error) : test.data && <bdi>{test.data.message}</bdi>}
      </p>
    </>
  )
}
