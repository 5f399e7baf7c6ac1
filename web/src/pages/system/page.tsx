/** For administrators: what is wrong, in words and first; then what this Berth is, who may come in, and what builds may use. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useSuspenseQuery } from '@tanstack/react-query'
import { Suspense } from 'react'

import type { Schema } from '~/api/client'
import { useLimits } from '~/pages/system/limits'
import { SystemProblem } from '~/pages/system/problem'
import { systemQuery } from '~/pages/system/queries'
import { type Fact, Rows } from '~/pages/system/rows'
import { ForAdministrators } from '~/pages/users/administrators'
import { Button } from '~/ui/button'
import { English } from '~/ui/english'
import { useFormat } from '~/ui/format'
import { Loading } from '~/ui/loading'
import { Panel } from '~/ui/panel'
import { State } from '~/ui/state'
import { Ago } from '~/ui/time'

/** What the operator sets, by the names that it has there. */
const VARIABLES = {
  address: 'BERTH_PUBLIC_URL',
  domain: 'BASE_DOMAIN',
  database: 'DATABASE_URL',
  signup: 'BERTH_SIGNUP',
  github: 'CLIENT_ID',
  webhook: 'WEBHOOK_SECRET',
  egress: 'BERTH_EGRESS',
}

export function SystemPage() {
  const { t } = useLingui()
  return (
    <ForAdministrators title={t`System`}>
      <Suspense fallback={<Loading />}><System /></Suspense>
    </ForAdministrators>
  )
}

function System() {
  const { t } = useLingui()
  const { data: system, refetch, isFetching } = useSuspenseQuery(systemQuery)
  const again = <Button pending={isFetching} onClick={() => void refetch()}><Trans>Look again</Trans></Button>
  return (
    <div className="grid max-w-4xl gap-5">
      <Standing system={system} again={again} />
      <Panel title={t`This Berth`}><Rows facts={useFacts(system)} /></Panel>
      <Panel title={t`What it runs on`}><Rows facts={useMachine(system)} /></Panel>
      <Panel title={t`Who may come in`}><Rows facts={useEntrances(system)} /></Panel>
      <Panel title={t`What a build may use`}><Rows facts={useLimits(system.limits)} /></Panel>
    </div>
  )
}

type Props = { system: Schema['SystemBody'] }

/** What is wrong, each with what it means for sites and builds. */
function Standing({ system: { problems }, again }: Props & { again: React.ReactNode }) {
  if (problems.length === 0) {
    return <div className="panel flex flex-wrap items-center gap-3 px-4 py-3"><State state="passed"><Trans>Everything works</Trans></State><span className="flex-1" />{again}</div>
  }
  return (
    <>
      {problems.map((problem) => (
        <SystemProblem key={problem.code} problem={problem} again={again} />
      ))}
    </>
  )
}

function useFacts(system: Schema['SystemBody']): Fact[] {
  const { t } = useLingui()
  return [
    { word: t`Version`, value: <bdi>{system.version}</bdi> },
    { word: t`Address`, value: <bdi>{system.publicUrl}</bdi>, name: VARIABLES.address },
    { word: t`Sites are under`, value: <bdi>{system.baseDomain}</bdi>, name: VARIABLES.domain },
    { word: t`Database`, value: system.database === 'postgres' ? t`PostgreSQL` : t`SQLite`, name: VARIABLES.database },
  ]
}

/** Docker, disks, what waits, and what builds can reach. */
function useMachine(system: Schema['SystemBody']): Fact[] {
  const { t } = useLingui()
  const format = useFormat()
  const { docker, queue, disks, buildNetwork } = system
  const network = {
    closed: t`The internet, not your private networks`,
    unproven: t`The internet; whether your private networks too could not be proven`,
    open: t`The internet and your private networks`,
  }
  return [
    { word: t`Docker`, value: docker.version ? <bdi>{docker.version}</bdi> : docker.problem ? <English>{docker.problem}</English> : t`It does not answer` },
    { word: t`Builds`, value: t`${queue.running} running, ${queue.queued} queued, ${queue.held} waiting for approval; ${queue.workers} at once` },
    ...disks.map((disk) => ({
      word: t`Disk`,
      value: t`${format.size(disk.freeBytes)} free of ${format.size(disk.totalBytes)}; builds wait under ${format.size(disk.floorBytes)}`,
      name: disk.variable,
    })),
    ...(buildNetwork ? [{ word: t`Builds can reach`, value: network[buildNetwork], name: VARIABLES.egress }] : []),
    ...(system.memoryBytes === null ? [] : [{ word: t`Memory of Berth`, value: format.size(system.memoryBytes) }]),
    { word: t`Runs since`, value: <Ago at={system.startedAt} /> },
  ]
}

function useEntrances(system: Schema['SystemBody']): Fact[] {
  const { t } = useLingui()
  const organizations = system.signup.startsWith('org:') ? system.signup.slice(4).split(',').join(', ') : ''
  const signup = organizations ? t`Members of ${organizations} at GitHub, and who is invited` : system.signup === 'open' ? t`Anybody` : t`Who is invited`
  return [
    { word: t`Accounts`, value: signup, name: VARIABLES.signup },
    { word: t`Sign-in with GitHub`, value: system.github ? t`On` : t`Off: there is no application at GitHub`, name: VARIABLES.github },
    { word: t`Deliveries of GitHub`, value: <bdi>{system.webhookSecret ? system.webhookUrl : t`Refused: there is no secret`}</bdi>, name: VARIABLES.webhook },
  ]
}
