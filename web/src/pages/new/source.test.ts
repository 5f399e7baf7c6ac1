import { expect, test } from 'vitest'

import { nameOf, settingsOf } from './source'

test('a name is made of what a host can hold', () => {
  expect(nameOf('https://git.example.org/Mara/Harbour_Notes.git/')).toBe('harbour-notes')
  expect(nameOf('https://git.example.org/x/.dotfiles')).toBe('dotfiles')
  expect(nameOf('')).toBe('')
})

test('an empty setting is left to detection, an empty build command builds nothing', () => {
  expect(settingsOf({ rootDirectory: ' ', outputDirectory: ' dist ', buildCommand: '' })).toEqual({ outputDirectory: 'dist', buildCommand: '' })
})
