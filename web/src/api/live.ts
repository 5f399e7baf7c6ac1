/**
 * The live connection: events of this generation invalidate what they concern, and TanStack Query fetches it again where it is
 * shown. Lines of logs go to whoever listens for their build, service or command. The socket is loaded after the first page is there.
 */

import type { QueryClient } from '@tanstack/react-query'
import type { Socket } from 'socket.io-client'

import { api, type Schema } from '~/api/client'
import { Refusal } from '~/api/errors'
import { Gathering } from '~/api/gathering'
import { keys } from '~/api/keys'
import { Listeners } from '~/api/listeners'
import { ask, connectionFound, connectionLost, isOnline, tryBy, tryNow } from '~/shell/online'
import { loadAnew, piece } from '~/shell/piece'

/** One or more lines of a build's log, joined by `\n`; `lineNumber` is the first one's. */
export type LogPiece = Schema['LinesBody'] & { stream: Schema['LogStream'] }

/** A line of a service or of a command. A number that is left out is of a line that is to be fetched. */
export type Line = Schema['ServiceLineBody']

type LiveEvent = { id: number; projectId: number | null; payload: { kind: string; build?: number; project?: number }; createdAt: string }

const LOG_EVENTS = { build_logs: 'stdout', build_errors: 'stderr', run_logs: 'stdout', run_error: 'stderr' } as const

let socket: Socket | undefined
/** Whether somebody is signed in: who left while the socket's code was on its way needs none. */
let isWanted = false
const lineListeners = new Listeners<LogPiece>()
const serviceListeners = new Listeners<readonly Line[]>()
const runListeners = new Listeners<readonly Line[]>()
const wakeListeners = new Set<() => void>()

/** Opens the connection once somebody is signed in. What happened while it was lost is fetched by the bar that said so. */
export async function goLive(queries: QueryClient): Promise<void> {
  isWanted = true
  if (socket) return
  const client = await piece(() => import('socket.io-client')).catch(loadAnew)
  if (socket || !isWanted || typeof client === 'boolean') return
  // Tries are `online.ts`'s, which says on the page when the next one is.
  const opened = client.io({ transports: ['websocket', 'polling'], withCredentials: true, reconnection: false })
  socket = opened
  tryBy(() => (opened.connected ? void ask() : opened.connect()))
  opened.on('connect', () => {
    connectionFound()
    // What happened since these were fetched was told to nobody.
    for (const key of [keys.projects, ['project'], ['build']]) void queries.invalidateQueries({ queryKey: key })
    for (const wake of wakeListeners) wake()
  })
  opened.on('disconnect', (reason) => {
    if (reason === 'io client disconnect') return
    connectionLost()
  })
  opened.on('connect_error', () => {
    if (opened.active) return connectionLost()
    // Refused. If that is because the session has ended, this request hears it too, which leads to the sign-in; otherwise it
    // is for now, and tried again.
    void api.GET('/api/v1/sessions').then(connectionLost, (error) => {
      if (!(error instanceof Refusal && error.status === 401)) return connectionLost()
      connectionFound()
      goQuiet()
    })
  })
  const gathering = new Gathering((queryKey) => queries.invalidateQueries({ queryKey }))
  opened.on('event', (event: LiveEvent) => heed(gathering, event))
  for (const [name, stream] of Object.entries(LOG_EVENTS)) {
    opened.on(name, (lines: Schema['LinesBody']) => lineListeners.tell(String(lines.buildId), { ...lines, stream }))
  }
  opened.on('service_logs', ({ projectId, environment, service, lines }: Schema['ServiceLinesBody']) => serviceListeners.tell(serviceKey(projectId, environment, service), lines))
  opened.on('run_log', ({ runId, lines }: Schema['RunLinesBody']) => runListeners.tell(String(runId), lines))
  opened.on('serviceUpdate', ({ projectId }: { projectId: number }) => gathering.note(keys.services(projectId)))
  document.addEventListener('visibilitychange', lookAgain)
}

/** A machine that slept finds its socket dead without having been told. */
function lookAgain(): void {
  if (document.hidden || !socket) return
  if (!isOnline()) tryNow()
  else if (!socket.connected) socket.connect()
  for (const wake of wakeListeners) wake()
}

/** Ends it: whoever signs in next hears nothing of this. */
export function goQuiet(): void {
  isWanted = false
  socket?.disconnect()
  socket = undefined
  tryBy(() => void ask())
}

export function onLines(build: number, listener: (piece: LogPiece) => void): () => void {
  return lineListeners.on(String(build), listener)
}

/** What a service of an environment writes, of whichever replica, and of whichever preview. */
export function onServiceLines(project: number, environment: Schema['Environment'], service: string, listener: (lines: readonly Line[]) => void): () => void {
  return serviceListeners.on(serviceKey(project, environment, service), listener)
}

export function onRunLines(run: number, listener: (lines: readonly Line[]) => void): () => void {
  return runListeners.on(String(run), listener)
}

function serviceKey(project: number, environment: Schema['Environment'], service: string): string {
  return `${project} ${environment} ${service}`
}

/** After a reconnection, and when the page is seen again: time to look for what was missed. */
export function onWake(listener: () => void): () => void {
  wakeListeners.add(listener)
  return () => wakeListeners.delete(listener)
}

export function heed(gathering: Pick<Gathering, 'note'>, { projectId, payload }: LiveEvent): void {
  const project = payload.project ?? projectId
  // A replica that starts or ends changes nothing else of its project; the list says what does not work.
  if (payload.kind === 'services_changed') {
    if (project != null) for (const key of [keys.services(project), keys.projects]) gathering.note(key)
    return
  }
  if (payload.build !== undefined) gathering.note(keys.build(payload.build))
  if (project != null) gathering.note(keys.project(project))
  if (payload.kind === 'project_updated' && project != null) gathering.note(keys.hook(project))
  // Of nobody's project: accounts, their tokens, sessions and invitations.
  if (project == null) for (const key of [keys.me, keys.sessions, keys.tokens, keys.users, keys.invitations]) gathering.note(key)
  // Steps of a build change nothing in the list.
  if (payload.kind !== 'build_progress') gathering.note(keys.projects)
}
