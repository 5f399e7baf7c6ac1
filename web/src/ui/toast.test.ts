import { beforeEach, expect, test, vi } from 'vitest'

import { sendToasts, toastWithUndo } from '~/ui/toast'

beforeEach(() => {
  vi.useFakeTimers()
  return () => vi.useRealTimers()
})

function removal(send: (options: { keepalive: boolean }) => Promise<unknown> = async () => {}) {
  return { words: 'KEY is removed.', send: vi.fn(send), undo: vi.fn(), refused: vi.fn() }
}

test('the server hears of it once the time to take it back is over', async () => {
  const one = removal()
  toastWithUndo(one)
  await vi.advanceTimersByTimeAsync(7_999)
  expect(one.send).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  expect(one.send).toHaveBeenCalledExactlyOnceWith({ keepalive: false })
})

test('leaving sends what waits at once, and only once', async () => {
  const one = removal()
  toastWithUndo(one)
  void sendToasts({ keepalive: true })
  await vi.advanceTimersByTimeAsync(20_000)
  expect(one.send).toHaveBeenCalledExactlyOnceWith({ keepalive: true })
})

test('a refusal is handed to the page', async () => {
  const refusal = new Error('the variable is gone')
  const one = removal(() => Promise.reject(refusal))
  toastWithUndo(one)
  await vi.advanceTimersByTimeAsync(8_000)
  expect(one.refused).toHaveBeenCalledExactlyOnceWith(refusal)
})
