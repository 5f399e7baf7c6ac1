import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { connectionFound, isOnline } from '~/shell/online'
import { loadAnew, MissingPiece, piece } from '~/shell/piece'

const reload = vi.fn()
let answers = true

beforeEach(() => {
  const kept = new Map<string, string>()
  answers = true
  reload.mockReset()
  vi.stubGlobal('location', { reload })
  vi.stubGlobal('sessionStorage', { getItem: (name: string) => kept.get(name) ?? null, setItem: (name: string, value: string) => kept.set(name, value) })
  vi.stubGlobal('fetch', async () => {
    if (!answers) throw new TypeError('no network')
    return { ok: true }
  })
})

afterEach(() => {
  connectionFound()
  vi.unstubAllGlobals()
})

/** Fails so many times, then comes. */
function failing(times: number) {
  const load = vi.fn(async () => {
    if (load.mock.calls.length <= times) throw new TypeError('Failed to fetch dynamically imported module')
    return 'the page'
  })
  return load
}

test('what does not come without a connection comes when there is one again', async () => {
  answers = false
  const load = failing(1)
  const coming = piece(load)
  await vi.waitFor(() => expect(isOnline()).toBe(false))
  expect(load).toHaveBeenCalledTimes(1)
  answers = true
  connectionFound()
  expect(await coming).toBe('the page')
  expect(reload).not.toHaveBeenCalled()
})

test('what failed once although the server answers is fetched again', async () => {
  expect(await piece(failing(1))).toBe('the page')
  expect(reload).not.toHaveBeenCalled()
})

test('what a newer Berth no longer has is missing, and takes nothing from whoever only came near it', async () => {
  await expect(piece(failing(Infinity))).rejects.toBeInstanceOf(MissingPiece)
  expect(reload).not.toHaveBeenCalled()
})

test('the page is loaded anew for a missing piece, but not again and again', () => {
  expect(loadAnew()).toBe(true)
  expect(loadAnew()).toBe(false)
  expect(reload).toHaveBeenCalledTimes(1)
})
