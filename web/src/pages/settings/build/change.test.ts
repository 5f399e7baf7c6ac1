import { expect, test } from 'vitest'

import { changeOf, patternsOf, settingsOf } from '~/pages/settings/build/change'

const DETECTED = { rootDirectory: null, nodeVersion: null, installCommand: null, outputDirectory: null, buildCommand: null, spaFallback: null }

test('only what was changed is sent, and what was emptied goes back to detection', () => {
  const saved = settingsOf({ ...DETECTED, outputDirectory: 'dist', nodeVersion: '20' })
  expect(changeOf({ outputDirectory: ' ' }, { ...saved, outputDirectory: ' ' })).toEqual({ outputDirectory: null })
  expect(changeOf({ nodeVersion: ' 22 ' }, { ...saved, nodeVersion: ' 22 ' })).toEqual({ nodeVersion: '22' })
})

test('no build command is not the same as one that is detected', () => {
  const saved = settingsOf(DETECTED)
  expect(saved.noBuild).toBe(false)
  expect(changeOf({ noBuild: true }, { ...saved, noBuild: true })).toEqual({ buildCommand: '' })

  const plain = settingsOf({ ...DETECTED, buildCommand: '' })
  expect(plain).toMatchObject({ noBuild: true, buildCommand: '' })
  expect(changeOf({ noBuild: false }, { ...plain, noBuild: false })).toEqual({ buildCommand: null })
  expect(changeOf({ noBuild: false, buildCommand: 'make' }, { ...plain, noBuild: false, buildCommand: 'make' })).toEqual({ buildCommand: 'make' })
})

test('the fallback is detected, on or off', () => {
  expect([null, true, false].map((spaFallback) => settingsOf({ ...DETECTED, spaFallback }).spaFallback)).toEqual(['', 'true', 'false'])
  const saved = settingsOf(DETECTED)
  expect(['', 'true', 'false'].map((spaFallback) => changeOf({ spaFallback }, saved).spaFallback)).toEqual([null, true, false])
})

test('patterns are lines, and no line is no pattern', () => {
  expect(patternsOf(' apps/web/** \n\n*.md\n')).toEqual(['apps/web/**', '*.md'])
  expect(patternsOf(' \n')).toBeNull()
})
