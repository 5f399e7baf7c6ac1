import { expect, test } from 'vitest'

import { ownAddress } from '~/pages/entry/own-address'

test('pages of the dashboard are followed, with what is after them', () => {
  expect(ownAddress('/builds/12?q=error#L3')).toBe('/builds/12?q=error#L3')
})

test.each([undefined, '', 'https://elsewhere.example', '//elsewhere.example', '/\\elsewhere.example', '/\t/elsewhere.example', '/\n/elsewhere.example', '\t//elsewhere.example', 'javascript:alert(1)'])('%s leads to the projects', (next) => {
  expect(ownAddress(next)).toBe('/')
})
