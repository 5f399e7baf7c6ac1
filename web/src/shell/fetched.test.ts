import { afterEach, expect, test, vi } from 'vitest'

import { fetchedFirst } from '~/shell/fetched'

afterEach(() => vi.unstubAllGlobals())

/** A server that answers in turn with these statuses, `null` for none at all. */
function server(...answers: (number | null)[]) {
  const asked = vi.fn(async (_file: string) => {
    const status = answers.shift()
    if (!status) throw new TypeError('no network')
    return new Response('', { status })
  })
  vi.stubGlobal('fetch', asked)
  return asked
}

test('nothing is imported before all its files are there', async () => {
  const asked = server(200, null, 200)
  const load = vi.fn(async () => 'the page')
  await expect(fetchedFirst(load, ['assets/page-1.js', 'assets/rows-1.js'])).rejects.toThrow('no network')
  expect(load).not.toHaveBeenCalled()
  expect(await fetchedFirst(load, ['assets/page-1.js', 'assets/rows-1.js'])).toBe('the page')
  expect(asked.mock.calls.map(([file]) => file)).toEqual(['/assets/page-1.js', '/assets/rows-1.js', '/assets/rows-1.js'])
})

test('a file that the server no longer has is not imported', async () => {
  server(404)
  const load = vi.fn(async () => 'the page')
  await expect(fetchedFirst(load, ['assets/page-2.js'])).rejects.toThrow('assets/page-2.js: the server answered 404')
  expect(load).not.toHaveBeenCalled()
})

test('a file of several pieces is fetched once', async () => {
  const asked = server(200)
  const load = async () => 'the page'
  await Promise.all([fetchedFirst(load, ['assets/shared-3.js']), fetchedFirst(load, ['assets/shared-3.js'])])
  expect(asked).toHaveBeenCalledTimes(1)
})
