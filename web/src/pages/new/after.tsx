/** Beside the form: what Deploy will do, in order. */

import { Plural, Trans, useLingui } from '@lingui/react/macro'
import { useQuery } from '@tanstack/react-query'

import { Hash, Keys } from '~/actions/names'
import type { Schema } from '~/api/client'
import { projectsQuery } from '~/api/queries'
import { type Decision, decisionsOf, partsOf } from '~/plan/decisions'
import { SEND } from '~/shell/keys'
import { Button } from '~/ui/button'
import { useFormat } from '~/ui/format'
import { frameworkName } from '~/ui/framework'
import { Panel } from '~/ui/panel'
import { Problem } from './problem'

type AfterProps = {
  detection: Schema['DetectionBody'] | undefined
  branch: string
  previews: boolean
  /** GitHub tells of its pushes, by the webhook that comes with the project. `undefined`: that is seen when it comes. */
  announced: boolean | undefined
  host: string | undefined
  variables: number
  /** Why it cannot be deployed as it stands. */
  hindrance: React.ReactNode
  /** What went wrong and belongs to no field. */
  error: unknown
  pending: boolean
}

export function AfterDeploy({ detection, branch, previews, announced, host, variables, hindrance, error, pending }: AfterProps) {
  const at = <bdi dir="ltr" className="font-semibold wrap-anywhere">{host}</bdi>
  const production = <bdi dir="ltr" className="mono">{branch}</bdi>
  return (
    <Aside title={<Trans>When you deploy</Trans>} action={<Trans>Deploy</Trans>} hindrance={hindrance} error={error} pending={pending} foot={
      <>
        <Afterwards production={production} previews={previews} announced={announced} />{' '}
        <Estimate framework={detection && decisionsOf(detection.plan).find(({ name }) => name === 'framework')?.value} />
      </>
    }>
      <li>{detection ? <Trans>Fetch <Hash of={detection.commit.hash} /> from {production}</Trans> : <Trans>Fetch the newest commit of {production}</Trans>}</li>
      {detection && <BuildSteps detection={detection} />}
      {variables > 0 && <li><Plural value={variables} one="Seal one variable and give it to the build" other="Seal # variables and give them to the build" /></li>}
      <li>{host ? <Trans>Publish it at {at}</Trans> : <Trans>Publish it</Trans>}</li>
    </Aside>
  )
}

export function AfterCreate({ host, hindrance, error, pending }: Pick<AfterProps, 'host' | 'hindrance' | 'error' | 'pending'>) {
  const at = <bdi dir="ltr" className="font-semibold wrap-anywhere">{host}</bdi>
  return (
    <Aside title={<Trans>When you create it</Trans>} action={<Trans>Create the project</Trans>} hindrance={hindrance} error={error} pending={pending} foot={<Trans>Nothing is live until the first folder is there.</Trans>}>
      <li>{host ? <Trans>Keep {at} for it</Trans> : <Trans>Keep its address for it</Trans>}</li>
      <li><Trans>Show the command that sends a folder there</Trans></li>
    </Aside>
  )
}

function BuildSteps({ detection: { plan } }: { detection: Schema['DetectionBody'] }) {
  const running = plan.services.filter(({ kind }) => kind === 'running').map(({ name }) => name)
  return (
    <>
      {partsOf(plan).map(({ name, decisions }) => name === undefined ? <OnlyService key="" decisions={decisions} isRunning={running.length > 0} /> : <li key={name}><Trans>Build <bdi dir="ltr" className="mono">{name}</bdi></Trans></li>)}
      {running.length > 0 && <li><Trans>Start <Keys of={running} />, and wait until it answers</Trans></li>}
    </>
  )
}

function OnlyService({ decisions, isRunning }: { decisions: readonly Decision[]; isRunning: boolean }) {
  const rows = new Map(decisions.map(({ name, value }) => [name, value]))
  const code = (value: string) => <code dir="ltr" className="wrap-anywhere">{value}</code>
  const [install, build, node, dockerfile] = [rows.get('installCommand'), rows.get('buildCommand'), rows.get('nodeVersion'), rows.get('dockerfile')]
  return (
    <>
      {install && <li>{node ? <Trans>Run {code(install)} with Node {node}</Trans> : <Trans>Run {code(install)}</Trans>}</li>}
      {dockerfile && <li><Trans>Build {code(dockerfile)}</Trans></li>}
      {build && <li><Trans>Run {code(build)}</Trans></li>}
      {!build && !dockerfile && !isRunning && <li><Trans>Build nothing: the files are published as they are</Trans></li>}
    </>
  )
}

/** What comes of later pushes; nobody tells of them by himself but GitHub. */
function Afterwards({ production, previews, announced }: { production: React.ReactNode; previews: boolean; announced: boolean | undefined }) {
  if (announced === undefined) return null
  if (!announced) return <Trans>Pushes are not announced to Berth yet: the project’s page then leads to its webhook, or has Berth look every few minutes.</Trans>
  if (!previews) return <Trans>From then on each push to {production} goes live.</Trans>
  return <Trans>From then on each push to {production} goes live, and each other branch and pull request gets its own address.</Trans>
}

/** How long it may take, where projects of the same kind tell. */
function Estimate({ framework }: { framework: string | undefined }) {
  const { data: projects = [] } = useQuery(projectsQuery)
  const format = useFormat()
  const times = projects.flatMap((project) => (project.framework === framework && project.medianMs !== null ? [project.medianMs] : [])).sort((a, b) => a - b)
  if (!framework || times.length === 0) return null
  const middle = times[Math.floor(times.length / 2)]!
  return <Trans>Builds of your other <bdi>{frameworkName(framework)}</bdi> projects take about {format.duration(middle)}; a first one, which installs everything, takes longer.</Trans>
}

type AsideProps = Pick<AfterProps, 'hindrance' | 'error' | 'pending'> & { title: React.ReactNode; action: React.ReactNode; foot: React.ReactNode; children: React.ReactNode }

function Aside({ title, action, hindrance, error, pending, foot, children }: AsideProps) {
  const { t } = useLingui()
  return (
    <aside aria-label={t`What happens then`} className="md:sticky md:top-[calc(var(--bar)+24px)]">
      <Panel title={title}>
        <ol className="grid list-decimal gap-3 py-3 ps-10 pe-4 marker:font-semibold marker:text-dim">{children}</ol>
        <div className="grid gap-2.5 px-4 pb-4">
          {Boolean(error) && <Problem error={error} />}
          <Button type="submit" acts look="primary" pending={pending} className="min-h-10 w-full">
            {action} <kbd dir="ltr" className="border-current bg-transparent text-inherit opacity-75 pointer-coarse:hidden" aria-hidden="true">{SEND}</kbd>
          </Button>
          <p role="status" className="text-sm text-busy empty:hidden">{hindrance}</p>
          <p className="text-xs text-dim">{foot}</p>
        </div>
      </Panel>
    </aside>
  )
}
