/** Why a build failed, in plain words: what happened, what it means for visitors, what to do. */

import { Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'

import { Hash, hostOf } from '~/actions/names'
import type { Schema } from '~/api/client'
import { Original } from '~/failure/original'
import { useFailureWords } from '~/failure/words'
import { askedAgain, hashOf } from '~/log/link'
import { settingLink, settingName } from '~/pages/settings/links'
import { LinkButton } from '~/ui/button'
import { useFormat } from '~/ui/format'
import { Icon } from '~/ui/icons'

type Props = { build: Schema['BuildBody']; failure: Schema['Failure']; project: Schema['ProjectBody'] }

export function FailureReason({ build, failure, project }: Props) {
  const { t, i18n } = useLingui()
  const format = useFormat()
  const { line, setting } = failure
  const { title, detail, original } = useFailureWords()(failure)
  const target = setting ? settingLink(project.name, setting) : undefined
  const isOperators = setting?.startsWith('BERTH_') ?? false
  return (
    <section aria-label={t`Why it failed`} className="notice fail items-start">
      <div className="grid min-w-0 flex-1 basis-80 gap-2">
        <h2 className="flex gap-2 text-lg"><Icon name="failed" className="mt-1 text-fail" /><bdi className="min-w-0 wrap-anywhere">{title}</bdi></h2>
        <p className="max-w-[72ch] whitespace-pre-line text-muted wrap-anywhere"><bdi>{detail}</bdi></p>
        <Original words={original} />
        <p className="max-w-[72ch] text-muted">
          <ForVisitors build={build} project={project} />
          {line !== undefined && <> <Link to="." search={(before) => before} hash={hashOf({ from: line, to: line })} state={askedAgain} hashScrollIntoView={false} resetScroll={false} replace className="link"><Trans>Go to line {format.number(line)}</Trans></Link></>}
        </p>
      </div>
      {setting && target && (
        <LinkButton {...target} look={isOperators ? 'plain' : 'primary'} className="max-sm:w-full">
          <span>{isOperators ? <Trans>See the limits</Trans> : <Trans>Change “<bdi>{settingName(i18n, setting)}</bdi>”</Trans>}</span>
        </LinkButton>
      )}
      {setting && isOperators && <p className="text-sm text-muted"><Trans>Whoever runs this machine changes <code className="chip">{setting}</code>.</Trans></p>}
    </section>
  )
}

/** Whether the old version is still up. */
export function ForVisitors({ build, project }: Omit<Props, 'failure'>) {
  const live = project.liveDeployment
  if (build.environment === 'preview') return <Trans>Visitors of the site see nothing of it: this was a preview.</Trans>
  if (!live) return <Trans>Nothing is live yet at <bdi dir="ltr">{hostOf(project.url)}</bdi>.</Trans>
  const version = (
    <Link to="/builds/$build" params={{ build: String(live.buildId) }} className="link">
      {live.commit ? <Hash of={live.commit.hash} /> : <Trans>build {live.buildId}</Trans>}
    </Link>
  )
  if (live.buildId < build.id) return <Trans>Nothing changed for visitors: {version} is still live.</Trans>
  return <Trans>Nothing changed for visitors. By now {version} is live.</Trans>
}
