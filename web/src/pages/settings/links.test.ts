import { expect, test } from 'vitest'

import { settingLink } from '~/pages/settings/links'

test('a setting leads to its field in its section', () => {
  expect(settingLink('docs', 'outputDirectory')).toEqual({
    to: '/projects/$project/settings/{-$section}', params: { project: 'docs', section: 'build' }, hash: 'outputDirectory',
  })
  expect(settingLink('docs', 'secrets')).toMatchObject({ params: { section: 'secrets' } })
})

test('the operator’s variables lead to the limits, and GitHub to the account', () => {
  expect(settingLink('docs', 'BERTH_BUILD_MEMORY')).toMatchObject({ params: { section: 'limits' }, hash: 'BERTH_BUILD_MEMORY' })
  expect(settingLink('docs', 'github')).toEqual({ to: '/account', hash: 'github' })
})

test('what nobody can set in the dashboard leads nowhere', () => {
  expect(settingLink('docs', 'BERTH_EGRESS')).toBeUndefined()
})
