import { expect, test } from 'vitest'

import { keys } from './keys'
import { Listeners } from './listeners'
import { heed } from './live'

function noted(payload: { kind: string; build?: number; project?: number }, projectId: number | null = 7) {
  const seen: (readonly unknown[])[] = []
  heed({ note: (key) => seen.push(key) }, { id: 1, projectId, payload, createdAt: '' })
  return seen
}

test('a replica that starts or ends has its project’s services fetched, and the list, and nothing else', () => {
  expect(noted({ kind: 'services_changed', project: 7 })).toEqual([keys.services(7), keys.projects])
})

test('what is live decides which services there are, so other events of a project concern them too', () => {
  const events = noted({ kind: 'activation_finished', project: 7 })
  expect(events).toContainEqual(keys.project(7))
  expect(keys.runs(7).slice(0, keys.project(7).length)).toEqual(keys.project(7))
})

test('what is told under one key goes to its listeners alone, until they stop', () => {
  const listeners = new Listeners<string>()
  const heard: string[] = []
  const stop = listeners.on('1 api', (told) => heard.push(`api ${told}`))
  listeners.on('1 web', (told) => heard.push(`web ${told}`))
  listeners.tell('1 api', 'a')
  stop()
  listeners.tell('1 api', 'b')
  listeners.tell('1 web', 'c')
  expect(heard).toEqual(['api a', 'web c'])
})
