// Deliveries that a project's webhooks received, and what became of each.

import { api } from './api.js'
import { act, confirm, h, moment, state } from './dom.js'

const VERDICTS = { accepted: 'built', duplicate: 'duplicate', ignored: 'ignored', rejected: 'refused' }
const SENDERS = { github: 'GitHub', gitea: 'Gitea', forgejo: 'Forgejo', gitlab: 'GitLab' }

export function inbox({ deliveries }, reload) {
  if (!deliveries.length) return h('p', { className: 'muted' }, 'No delivery has arrived yet.')
  return h('ul', { className: 'list' }, deliveries.map((delivery) => {
    const { id, provider, event, verdict, reason, builds = [], replayable, replayOf, ownHook } = delivery
    const word = VERDICTS[verdict] ?? verdict
    // What was accepted without a build (a closed pull request, a deleted branch) was acted on all the same.
    const shown = word === 'built' && !builds.length ? 'accepted' : word
    return h('li', {},
      h('div', { className: 'cut' }, h('span', { className: 'name' }, event), h('span', { className: 'muted' }, ` from ${SENDERS[provider] ?? 'an unknown sender'}${ownHook ? ', to the project’s own hook' : ''}`)),
      h('div', { className: 'actions' }, state(word, shown), replayable && h('button', { id: `replay-${id}`, 'aria-label': `Replay delivery ${id}`, onclick: act(() => replay(delivery), reload) }, 'Replay…')),
      h('div', { className: 'small muted wide' }, moment(delivery.receivedAt), ` · ${reason}`, builds.map((build) => [' · ', h('a', { href: `#/builds/${build}` }, `build ${build}`)]), replayOf ? ` · replay of delivery ${replayOf}` : ''))
  }))
}

async function replay({ id, event, receivedAt }) {
  const agreed = await confirm({
    title: 'Replay this delivery?',
    lines: [`What the ${event} of ${new Date(receivedAt).toLocaleString()} asked for is done again, with the settings of today.`, 'A push builds the commit that it named, and that goes live even if a newer one is live now; the next look at the branch brings the newest back.'],
    action: 'Replay it',
  })
  if (agreed) await api('POST', `/deliveries/${id}/replay`)
}
