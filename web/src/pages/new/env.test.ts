import { expect, test } from 'vitest'

import { parseEnv } from './env'

const pairs = (text: string) => parseEnv(text).variables.map(({ key, value }) => [key, value])

test('assignments, with and without export, quotes and comments', () => {
  expect(pairs('A=1\nexport B = two words \nC="a \\"b\\"\\n" # why\nD=\'$x\\n\'\nE=a#b # c\nF=\n')).toEqual([
    ['A', '1'], ['B', 'two words'], ['C', 'a "b"\n'], ['D', '$x\\n'], ['E', 'a#b'], ['F', ''],
  ])
})

test('a quoted value goes over several lines, and the lines after it count on', () => {
  const { variables } = parseEnv('KEY="-----BEGIN\nabc\n-----END"\r\nNEXT=1')
  expect(variables).toEqual([
    { line: 1, key: 'KEY', value: '-----BEGIN\nabc\n-----END', kind: 'secret' },
    { line: 4, key: 'NEXT', value: '1', kind: 'secret' },
  ])
})

test('what cannot be taken is told by its line', () => {
  const { variables, remarks } = parseEnv('# just words\n# OLD=1\n1A=x\nB-C=x\nwords\nD="open')
  expect(variables).toEqual([])
  expect(remarks.map(({ line, key, isProblem }) => [line, key, isProblem])).toEqual([
    [2, 'OLD', false], [3, '1A', true], [4, 'B-C', true], [5, 'words', true], [6, 'D', true],
  ])
})

test('the last of two counts, and what frameworks publish is no secret', () => {
  const { variables, remarks } = parseEnv('VITE_A=1\nB=1\nVITE_A=2')
  expect(variables.map(({ key, value, kind }) => [key, value, kind])).toEqual([['B', '1', 'secret'], ['VITE_A', '2', 'plain']])
  expect(remarks).toMatchObject([{ line: 1, key: 'VITE_A', isProblem: false }])
})
