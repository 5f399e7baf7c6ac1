/** What a browser calls itself, as people call it. */

const BROWSERS = [[/Edg\//, 'Edge'], [/OPR\//, 'Opera'], [/Firefox\//, 'Firefox'], [/Chrome\//, 'Chrome'], [/Safari\//, 'Safari']] as const
const SYSTEMS = [[/Android/, 'Android'], [/iPhone|iPad/, 'iOS'], [/Windows/, 'Windows'], [/Mac OS X/, 'macOS'], [/Linux/, 'Linux']] as const

/** `browser` is the client's first word where it is none that is known. */
export function agentOf(agent: string): { browser: string; system?: string } {
  const browser = BROWSERS.find(([sign]) => sign.test(agent))?.[1]
  if (!browser) return { browser: agent.split(' ')[0] ?? agent }
  return { browser, system: SYSTEMS.find(([sign]) => sign.test(agent))?.[1] }
}
