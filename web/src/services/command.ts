/** Commands as people write them, and as programs take them: a list of words. */

const SHELL = '/bin/sh'
/** What every shell leaves as it is. */
const PLAIN = /^[\w@%+:,./-]+$/

/** A line that needs no shell is split into its words, so that it also runs in an image that has none. */
export function commandOf(line: string): string[] {
  const words = line.trim().split(/\s+/)
  return words.every((word) => PLAIN.test(word)) ? words : [SHELL, '-c', line.trim()]
}

/** The line that it may have been; quoted where it has to be. */
export function lineOf(command: readonly string[]): string {
  const [program, option, line] = command
  if (command.length === 3 && program === SHELL && option === '-c') return line!
  return command.map((word) => (PLAIN.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ')
}
