/** All projects: what needs somebody first, what builds, what is live. Search and sort are part of the address. */

import { Trans, useLingui } from '@lingui/react/macro'
import { useSuspenseQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useDeferredValue, useEffect, useMemo, useRef } from 'react'

import { projectsQuery } from '~/api/queries'
import { More, useMost } from '~/pages/projects/more'
import { ProjectRow } from '~/pages/projects/row'
import { GROUPS, type Group, groupOf, type Project, type Sort, sorted, SORTS, wordsOf } from '~/pages/projects/standing'
import { Summary } from '~/pages/projects/summary'
import { matching } from '~/shell/matching'
import { Page } from '~/shell/page'
import { Button, LinkButton } from '~/ui/button'
import { Icon } from '~/ui/icons'
import { Menu, MenuChoice } from '~/ui/menu'
import { Empty } from '~/ui/panel'

export function ProjectsPage() {
  const { t } = useLingui()
  const { data: projects } = useSuspenseQuery(projectsQuery)
  const isEmpty = projects.length === 0
  const add = <LinkButton to="/new" look="primary" icon="plus"><Trans>New project</Trans></LinkButton>
  return (
    <Page title={t`Projects`} actions={!isEmpty && <><Filter /><SortMenu />{add}</>}>
      {isEmpty ? <NoProjects /> : <List projects={projects} />}
    </Page>
  )
}

function NoProjects() {
  const { t } = useLingui()
  return (
    <Empty title={t`Put your first site up`} actions={<LinkButton to="/new" look="primary" icon="plus"><Trans>New project</Trans></LinkButton>}>
      <p><Trans>A project is a repository, or a folder, that is served at an address of its own. Name the repository: Berth looks how it is built, says so with its reasons, and puts it up. Each push that it hears of goes live from then on.</Trans></p>
    </Empty>
  )
}

function List({ projects }: { projects: readonly Project[] }) {
  const { i18n } = useLingui()
  const search = useSearch({ from: '/inside/' })
  const sort = search.sort ?? 'deployed'
  const q = useDeferredValue(search.q ?? '')
  const items = useMemo(() => sorted(projects, sort, i18n.locale).map((project) => ({ label: project.name, also: wordsOf(project), project })), [projects, sort, i18n.locale])
  const groups = useMemo(() => grouped(items, q), [items, q])
  const found = groups.reduce((sum, { projects }) => sum + projects.length, 0)
  const [most, more] = useMost(`${sort} ${q}`)
  return (
    <>
      <Summary projects={projects} />
      <p role="status" className="sr-only">{q !== '' && <Trans>{found} of {projects.length} projects match.</Trans>}</p>
      {firstOf(groups, most).map(({ group, projects, count }) => (
        <section key={group} aria-labelledby={`group-${group}`} className="mb-6">
          <h2 id={`group-${group}`} className="mb-2 flex items-baseline gap-2 text-sm"><GroupTitle group={group} /> <span className="text-dim">{i18n.number(count)}</span></h2>
          <ul className="panel overflow-clip">{projects.map((project) => <ProjectRow key={project.id} project={project} />)}</ul>
        </section>
      ))}
      {found > most && <More remaining={found - most} onMore={more} />}
      {found === 0 && <NothingFound q={q} />}
    </>
  )
}

/** The beginning of the list: so many rows in all. */
function firstOf(groups: readonly { group: Group; projects: Project[] }[], most: number): { group: Group; projects: Project[]; count: number }[] {
  let left = most
  return groups.flatMap(({ group, projects }) => {
    const first = projects.slice(0, left)
    left -= first.length
    return first.length > 0 ? [{ group, projects: first, count: projects.length }] : []
  })
}

/** The groups that have somebody in them, with whom the search finds. */
function grouped(items: readonly { label: string; also: string; project: Project }[], q: string): { group: Group; projects: Project[] }[] {
  const found = q === '' ? items : matching([{ items }], q, items.length).flatMap(({ items }) => items)
  return GROUPS.map((group) => ({ group, projects: found.map(({ project }) => project).filter((project) => groupOf(project) === group) })).filter(({ projects }) => projects.length > 0)
}

function GroupTitle({ group }: { group: Group }) {
  switch (group) {
    case 'needs': return <Trans>Needs you</Trans>
    case 'building': return <Trans>Building</Trans>
    case 'live': return <Trans>Live</Trans>
    case 'none': return <Trans>Nothing deployed yet</Trans>
  }
}

function NothingFound({ q }: { q: string }) {
  const { t } = useLingui()
  const change = useChange()
  return (
    <Empty title={t`No project matches`} actions={<Button onClick={() => change({ q: undefined })}><Trans>Show all projects</Trans></Button>}>
      <p><Trans>Nothing has <bdi className="font-semibold">{q}</bdi> in its name, address, repository, framework or last commit.</Trans></p>
    </Empty>
  )
}

function useChange() {
  const navigate = useNavigate()
  return (change: { q?: string | undefined; sort?: Sort | undefined }) =>
    void navigate({ to: '/', search: (search: object) => ({ ...search, ...change }), replace: true, resetScroll: false })
}

function Filter() {
  const { t } = useLingui()
  const { q = '' } = useSearch({ from: '/inside/' })
  const change = useChange()
  // The address follows what is typed a moment later, so the field keeps its own text.
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (field.current && field.current !== document.activeElement) field.current.value = q
  }, [q])
  return (
    <label className="input w-60 max-sm:order-last max-sm:w-full">
      <Icon name="search" className="text-dim" />
      <input
        ref={field}
        data-filter
        type="search"
        aria-label={t`Filter projects`}
        placeholder={t`Filter projects`}
        defaultValue={q}
        onChange={({ target }) => change({ q: target.value || undefined })}
        onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
      />
    </label>
  )
}

function SortMenu() {
  const { t } = useLingui()
  const { sort = 'deployed' } = useSearch({ from: '/inside/' })
  const change = useChange()
  const words: Record<Sort, string> = { deployed: t`Recently deployed`, name: t`By name`, created: t`Recently added` }
  return (
    <Menu label={t`Sort: ${words[sort]}`} trigger={<button className="button"><Icon name="sort" />{words[sort]}</button>}>
      <MenuChoice
        label={<Trans>Sort</Trans>}
        value={sort}
        choices={SORTS.map((each) => [each, words[each]] as const)}
        onChoose={(chosen) => change({ sort: SORTS.find((each) => each === chosen && each !== 'deployed') })}
      />
    </Menu>
  )
}
