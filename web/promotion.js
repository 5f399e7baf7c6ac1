// What visitors get instead of what they get now: an earlier release again, or a preview's.

import { api } from './api.js'
import { act, announce, confirm, h } from './dom.js'

const stays = (live) => (live ? `What is live now stays at ${live.url}, and you can go back to it.` : 'Nothing is live now.')

/** The button that makes a deployment the live one, named by what that is. */
export function promotion(deployment, project, reload) {
  const live = project.liveDeployment
  if (deployment.environment === 'preview') {
    return h('button', { id: `promote-${deployment.id}`, 'aria-label': `Promote deployment ${deployment.id} of ${deployment.branch}`, onclick: act(() => promote(deployment, project, live), reload) }, 'Promote…')
  }
  const isBack = live?.id > deployment.id
  const activate = act(async () => {
    const agreed = await confirm({
      title: isBack ? `Roll back to deployment ${deployment.id}?` : `Put deployment ${deployment.id} live?`,
      lines: [`Visitors of ${project.url} see what build ${deployment.buildId} made, within a second.`, stays(live), 'The next push goes live as always.'],
      action: isBack ? 'Roll back' : 'Put it live',
    })
    if (agreed) await api('POST', `/deployments/${deployment.id}/activate`)
  }, reload)
  return h('button', { id: `activate-${deployment.id}`, onclick: activate }, isBack ? 'Roll back to this…' : 'Put live…')
}

async function promote(deployment, project, live) {
  const agreed = await confirm({
    title: `Promote the preview of ${deployment.branch}?`,
    lines: [`Visitors of ${project.url} see what build ${deployment.buildId} made, within a second and without a build.`, stays(live), `The preview stays. The next push to ${project.branch} goes live as always.`],
    action: 'Promote it',
  })
  if (!agreed) return
  try {
    await api('POST', `/deployments/${deployment.id}/promote`, { rebuild: false })
  } catch (error) {
    // A stranger's commit is not built with production's secrets: the refusal says what to do instead.
    if (error.code !== 'promotion_needs_rebuild' || deployment.branch.startsWith('pull/')) throw error
    await promoteByBuild(deployment, project, error)
  }
}

/** Where production's variables are others than the preview's, the same commit is built with production's. */
async function promoteByBuild(deployment, project, { message }) {
  const agreed = await confirm({
    title: 'It has to be built for production',
    lines: [`${message[0].toUpperCase()}${message.slice(1).split(';')[0]}.`, `Berth can build the same commit with production’s variables. It goes live at ${project.url} when it has passed; until then nothing changes.`],
    action: 'Build it for production',
  })
  if (!agreed) return
  const { build, id } = await api('POST', `/deployments/${deployment.id}/promote`, { rebuild: true })
  announce('It goes live when this build has passed.')
  location.hash = `#/builds/${build?.id ?? id}`
}
