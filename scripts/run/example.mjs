// The example's way to its address: a project made through the API, then a signed push of each new commit.

import { deliverPush, followBuild, waitForPage, webhookSecret } from './push.mjs'

/** Makes sure that `commit` of the repository at `repoUrl` is live. */
export async function publishExample(client, settings, repoUrl, commit, print) {
  const name = settings.exampleName
  let project = (await client.send('GET', '/api/v1/projects')).find((project) => project.name === name)
  if (project && project.repoUrl !== repoUrl) {
    // Another program has taken the git endpoint's port, so the repository has a new address.
    await client.send('DELETE', `/api/v1/projects/${project.id}`)
    project = undefined
  }
  const indented = (line) => print(`  ${line}`)
  if (!project) {
    print(`creating the project ${name}, and its first build`)
    const created = await client.send('POST', '/api/v1/projects', { name, branch: 'main', repoUrl })
    await followBuild(client, created.build.id, indented)
  } else {
    if (['queued', 'running'].includes(project.latestBuild?.status)) {
      print('going on with the build that was interrupted')
      await followBuild(client, project.latestBuild.id, indented)
      project = await client.send('GET', `/api/v1/projects/${project.id}`)
    }
    if ((await liveCommit(client, project)) === commit.commit) return
  }
  print(`pushing commit ${commit.commit.slice(0, 8)}: ${commit.message}`)
  const build = await deliverPush(settings, webhookSecret(settings), repoUrl, commit)
  await followBuild(client, build.id, indented)
  await waitForPage(settings, `${name}.${settings.baseDomain}`, '<title>')
}

async function liveCommit(client, project) {
  if (!project.liveDeployment) return undefined
  const build = await client.send('GET', `/api/v1/builds/${project.liveDeployment.buildId}`)
  return build.commit?.hash
}
