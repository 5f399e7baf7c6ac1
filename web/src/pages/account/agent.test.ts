import { expect, test } from 'vitest'

import { agentOf } from '~/pages/account/agent'

test('a browser is called by its name, whatever else it claims to be', () => {
  expect(agentOf('Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0')).toEqual({ browser: 'Firefox', system: 'Linux' })
  expect(agentOf('Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0'))
    .toEqual({ browser: 'Edge', system: 'Windows' })
  expect(agentOf('Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36'))
    .toEqual({ browser: 'Chrome', system: 'Android' })
  expect(agentOf('Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/604.1'))
    .toEqual({ browser: 'Safari', system: 'iOS' })
})

test('a program is called what it calls itself', () => {
  expect(agentOf('curl/8.14.1')).toEqual({ browser: 'curl/8.14.1' })
})
