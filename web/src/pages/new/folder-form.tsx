/** A project without a repository: a name, to which folders are sent. */

import { Trans } from '@lingui/react/macro'
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

import { hostOf } from '~/actions/names'
import { api, body } from '~/api/client'
import { keys } from '~/api/keys'
import { Button } from '~/ui/button'
import { Form } from '~/ui/form'
import { AfterCreate } from './after'
import { belongsNowhere, corrected } from './errors'
import { NamingStep, useNameAnswer } from './naming'
import { LAYOUT, Step } from './step'

export function FolderForm({ name, onName, onAnother }: { name: string; onName: (name: string) => void; onAnother: () => void }) {
  const queries = useQueryClient()
  const navigate = useNavigate()
  const answer = useNameAnswer(name)
  const [error, setError] = useState<unknown>()
  const [pending, setPending] = useState(false)
  const rename = (name: string) => {
    setError((error: unknown) => corrected(error, (field) => field === 'name'))
    onName(name)
  }
  const create = async (event: React.FormEvent) => {
    event.preventDefault()
    if (pending) return
    setPending(true)
    setError(undefined)
    try {
      const { project } = await body(api.POST('/api/v1/projects', { body: { name } }))
      await queries.invalidateQueries({ queryKey: keys.projects })
      await navigate({ to: '/projects/$project', params: { project: project.name } })
    } catch (error) {
      setError(error)
      setPending(false)
    }
  }
  return (
    <Form form={{ submit: create, error }} className={LAYOUT}>
      <div className="grid min-w-0 gap-4">
        <Step number={1} title={<Trans>A folder</Trans>} aside={<Button look="quiet" onClick={onAnother}><Trans>Choose another</Trans></Button>}>
          <p className="p-4 text-muted"><Trans>Files are sent as they are; nothing is built.</Trans></p>
        </Step>
        <NamingStep number={2} name={name} onName={rename} answer={answer} error={error} />
      </div>
      <AfterCreate host={answer?.url ? hostOf(answer.url) : undefined} hindrance={null} error={belongsNowhere(error, ['name'])} pending={pending} />
    </Form>
  )
}
