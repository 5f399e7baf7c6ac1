import { expect, test } from 'vitest'

import { matching } from '~/shell/matching'

const groups = [
  { value: 'projects', items: [{ label: 'harbour-notes' }, { label: 'notes' }, { label: 'معرض-الصور' }] },
  { value: 'pages', items: [{ label: 'Paramètres', also: 'settings' }] },
]
const labels = (query: string, most = 10) => matching(groups, query, most).flatMap(({ items }) => items.map(({ label }) => label))

test('what begins with the search comes first', () => {
  expect(labels('notes')).toEqual(['notes', 'harbour-notes'])
})

test('every word has to occur, in any order', () => {
  expect(labels('notes harb')).toEqual(['harbour-notes'])
  expect(labels('notes quay')).toEqual([])
})

test('accents, case and other names do not matter', () => {
  expect(labels('PARAMETRES')).toEqual(['Paramètres'])
  expect(labels('settings')).toEqual(['Paramètres'])
  expect(labels('الصور')).toEqual(['معرض-الصور'])
})

test('groups without a match are left out, and there is an end', () => {
  expect(matching(groups, 'para', 10).map(({ value }) => value)).toEqual(['pages'])
  expect(labels('', 2)).toEqual(['harbour-notes', 'notes'])
})
