// Berth in a container with a network of its own, as `docker run` makes one: it shares a network with what runs and reaches it
// there, nobody else reaches Berth by it, and all of that outlives a restart, another container of Berth's, and the project.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

import { Client, request } from '../run/client.mjs'
import { serveRepositories } from '../run/git-endpoint.mjs'
import { expect, freePort, until } from './ground.mjs'
import { isOpen } from './kitchen.mjs'

/** `image`: Berth's; `work`: a directory with `repositories/kitchen.git`; `name`: what the container is called. */
export async function runsInANetworkOfItsOwn({ image, work, name, say }) {
  const port = await freePort()
  const connect = { hostname: '127.0.0.1', port }
  const host = docker('network', 'inspect', 'bridge', '--format', '{{range .IPAM.Config}}{{.Gateway}}{{end}}')
  const site = `kitchen.localhost:${port}`
  const asked = (path) => request(connect, { host: site, path }).catch((error) => ({ status: 0, body: Buffer.from(String(error)) }))
  const opens = async () => isOpen(await asked('/'))
  const settings = {
    BERTH_LISTEN: '0.0.0.0:8080',
    BASE_DOMAIN: `localhost:${port}`,
    BERTH_SOURCE_ALLOW: `${host}/32`,
    // No packet filter is in reach from there.
    BERTH_EGRESS: 'open',
  }
  const mounts = ['--volume', '/var/run/docker.sock:/var/run/docker.sock', '--volume', `${name}:/var/lib/berth`]
  const given = [...mounts, ...Object.entries(settings).flatMap(([variable, value]) => ['--env', `${variable}=${value}`])]
  const start = () => docker('run', '--detach', '--name', name, '--publish', `127.0.0.1:${port}:8080`, ...given, image)
  const log = () => {
    const said = spawnSync('docker', ['logs', name], { encoding: 'utf8' })
    return `${said.stdout}${said.stderr}`
  }
  const repositories = await serveRepositories(join(work, 'repositories'), join(work, 'other-git-port'), host)
  let instance
  try {
    start()
    const token = await until('the setup token is in the log', 60, () => /^.*Setup token: (\S+)\s*$/m.exec(log())?.[1])
    instance = docker('exec', name, 'cat', '/var/lib/berth/data/instance')
    const client = new Client({ connect, publicUrl: `http://localhost:${port}` })
    await until('the API answers', 60, async () => (await client.attempt('GET', '/api/v1/setup')).status === 200)
    const account = { setupToken: token, login: 'admin', password: 'a password of the test' }
    client.authorize((await client.send('POST', '/api/v1/setup', account)).token)
    const repoUrl = `${repositories.url}/kitchen.git`
    const { project } = await client.send('POST', '/api/project', { name: 'kitchen', branch: 'main', repoUrl })
    await until('the service answers', 180, opens)
    const replica = replicas(instance)
    expect('one replica runs', replica.length === 1, replica)

    const ofServices = ['--filter', `label=berth.instance=${instance}`, '--filter', 'label=berth.deployment']
    const networks = () => docker('network', 'ls', '--format', '{{.Name}}', ...ofServices).split('\n').filter(Boolean)
    const door = networks().find((network) => network.endsWith('-door'))
    expect('there is a network that Berth and the replica share', door, networks())
    const own = () => docker('inspect', name, '--format', `{{(index .NetworkSettings.Networks "${door}").IPAddress}}`)
    const gate = docker('inspect', name, '--format', '{{.NetworkSettings.Networks.bridge.Gateway}}')
    const route = docker('exec', name, 'cat', '/proc/net/route').split('\n').find((line) => line.split('\t')[1] === '00000000')
    expect('the way out is the same as before', route?.split('\t')[2] === hex(gate), { route, gate })
    // Where nobody listens the connection is refused, so it got there; where Berth listens it is taken and closed.
    const isKeptOut = async () => {
      const [nobody, berth] = [await asked(`/get?http://${own()}:8079/`), await asked(`/get?http://${own()}:8080/health`)]
      expect('the network is one', nobody.body.toString() === 'error ECONNREFUSED', nobody.body.toString())
      expect('a service does not reach Berth by it', berth.body.toString() === 'error ECONNRESET', berth.body.toString())
    }
    await isKeptOut()
    const volumes = () => client.send('GET', `/api/v1/projects/${project.id}/volumes`)
    await until('the size of the volume is told', 90, async () => (await volumes())[0]?.bytes > 0)

    docker('restart', name)
    await until('the service answers after a restart', 60, opens)
    await isKeptOut()
    docker('rm', '--force', name)
    start()
    await until('the service answers to another container of Berth', 60, opens)
    await isKeptOut()
    expect('the replica is the same', replicas(instance).join() === replica.join(), replicas(instance))

    await until('the project can be removed', 30, async () => (await client.attempt('DELETE', `/api/v1/projects/${project.id}`)).status === 204)
    await until('its networks are gone', 60, () => networks().length === 0)
    const joined = docker('inspect', name, '--format', '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}')
    expect('Berth is in no network but its own', joined === 'bridge', joined)
    say('services are reached from a container with a network of its own')
    docker('stop', name)
    docker('run', '--rm', ...given, image, 'clean')
  } catch (problem) {
    console.error(log().split('\n').slice(-40).join('\n'))
    throw problem
  } finally {
    repositories.close()
    spawnSync('docker', ['rm', '--force', name])
    if (instance) removeLeftOver(instance)
    spawnSync('docker', ['volume', 'rm', '--force', name])
  }
}

/** What a Berth that failed has left. */
function removeLeftOver(instance) {
  const filter = ['--quiet', '--filter', `label=berth.instance=${instance}`]
  for (const [list, remove] of [
    [['ps', '--all'], ['rm', '--force', '--volumes']],
    [['volume', 'ls'], ['volume', 'rm', '--force']],
    [['network', 'ls'], ['network', 'rm']],
    [['images'], ['rmi', '--force']],
  ]) {
    const found = docker(...list, ...filter).split('\n').filter(Boolean)
    if (found.length > 0) spawnSync('docker', [...remove, ...found])
  }
}

function replicas(instance) {
  const filters = ['--filter', `label=berth.instance=${instance}`, '--filter', 'label=berth.kind=replica']
  return docker('ps', '--quiet', ...filters).split('\n').filter(Boolean)
}

/** An address as /proc/net/route writes it. */
function hex(address) {
  const bytes = address.split('.').reverse().map((byte) => Number(byte).toString(16).padStart(2, '0'))
  return bytes.join('').toUpperCase()
}

function docker(...order) {
  const ended = spawnSync('docker', order, { encoding: 'utf8', maxBuffer: 64 << 20 })
  if (ended.status !== 0) throw new Error(`docker ${order.join(' ')} failed:\n${ended.stdout}${ended.stderr}`)
  return ended.stdout.trim()
}
