import { describe, expect, it } from 'vitest'

import { filterOf, startOf } from './filter'

describe('the filter of the audit log', () => {
  it('keeps what an address can mean', () => {
    const search = { by: 3, project: 7, means: 'token', from: '2026-11-01', until: '2026-11-30' }
    expect(filterOf(search)).toEqual(search)
  })

  it('lets everything through where it means nothing', () => {
    const search = { by: 'ada', project: 1.5, means: 'magic', from: '2026-02-31', until: 'today' }
    expect(Object.values(filterOf(search)).every((value) => value === undefined)).toBe(true)
  })

  it('has the last day in it', () => {
    expect(startOf('2026-11-30')).toBe(new Date(2026, 10, 30).toISOString())
    expect(startOf('2026-11-30', 1)).toBe(new Date(2026, 11, 1).toISOString())
    expect(startOf(undefined, 1)).toBeUndefined()
  })
})
