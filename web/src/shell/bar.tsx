/** The one bar. */

import { Link } from '@tanstack/react-router'

import { useMe } from '~/api/queries'
import { Avatar } from '~/ui/avatar'
import { Mark } from '~/ui/mark'

export function Bar() {
  const me = useMe()
  return (
    <header className="sticky top-0 z-10 flex h-(--bar) items-center gap-3 border-b border-line bg-bg px-4">
      <Link to="/" className="flex items-center gap-2 text-[15px] font-bold"><Mark />Berth</Link>
      <span className="flex-1" />
      <Link to="/account" aria-label={me.username}><Avatar name={me.username} picture={me.avatar} /></Link>
    </header>
  )
}
