import { expect, test } from 'vitest'

import type { Schema } from '~/api/client'
import { detectedOf } from '~/pages/settings/build/detected'

const decision = (value: string, source: string, reason = 'why') => ({ value, source, reason })

function planOf(service: Partial<Schema['PlanService']>): Schema['Plan'] {
  return {
    services: [{
      name: 'web',
      kind: 'static',
      rootDirectory: decision('', 'default'),
      framework: decision('vite', 'package.json'),
      toolchain: { image: decision('node:22-slim', 'default', 'no version is asked for') },
      installCommand: decision('npm ci', 'package-lock.json'),
      installDirectory: '',
      buildCommand: decision('make', 'settings'),
      outputDirectory: decision('dist', 'default'),
      ...service,
    } as Schema['PlanService']],
  }
}

test('what was detected has its value and its reason', () => {
  expect(detectedOf(planOf({}), 'installCommand')).toEqual({ value: 'npm ci', reason: 'why' })
  expect(detectedOf(planOf({}), 'nodeVersion')).toEqual({ value: '22', reason: 'no version is asked for' })
  expect(detectedOf(planOf({}), 'rootDirectory')).toEqual({ value: '.', reason: 'why' })
})

test('what the owner set, and what there is not, was not detected', () => {
  expect(detectedOf(planOf({}), 'buildCommand')).toBeUndefined()
  expect(detectedOf(planOf({ installCommand: null }), 'installCommand')).toBeUndefined()
  expect(detectedOf(planOf({ toolchain: { image: decision('ruby:3.4', 'Gemfile') } } as Partial<Schema['PlanService']>), 'nodeVersion')).toBeUndefined()
  expect(detectedOf(undefined, 'nodeVersion')).toBeUndefined()
})
