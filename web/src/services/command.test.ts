import { expect, test } from 'vitest'

import { commandOf, lineOf } from './command'

test('what needs no shell is split; everything else is a shell’s', () => {
  expect(commandOf('  npm run   migrate ')).toEqual(['npm', 'run', 'migrate'])
  expect(commandOf('echo "$PORT" | wc')).toEqual(['/bin/sh', '-c', 'echo "$PORT" | wc'])
  expect(commandOf('A=1 node x.js')).toEqual(['/bin/sh', '-c', 'A=1 node x.js'])
  expect(commandOf('ls *.js')).toEqual(['/bin/sh', '-c', 'ls *.js'])
})

test('a command is told as the line that it may have been', () => {
  expect(lineOf(['/bin/sh', '-c', 'echo "$PORT" | wc'])).toBe('echo "$PORT" | wc')
  expect(lineOf(['node', '-e', "console.log('x y')"])).toBe(`node -e 'console.log('\\''x y'\\'')'`)
  for (const line of ['npm run migrate', 'echo $HOME', 'a b c']) expect(lineOf(commandOf(line))).toBe(line)
})
