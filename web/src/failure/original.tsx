/** What the server itself says of a failure, where the page says it in other words: names, numbers and places, in English. */

import { Trans } from '@lingui/react/macro'

export function Original({ words }: { words: string | undefined }) {
  if (!words) return null
  return (
    <div className="max-w-[72ch] text-sm text-muted">
      <p><Trans>In Berth’s own words:</Trans></p>
      <blockquote lang="en" dir="ltr" className="mt-1 border-s-2 border-control ps-3 whitespace-pre-line text-start wrap-anywhere">{words}</blockquote>
    </div>
  )
}
