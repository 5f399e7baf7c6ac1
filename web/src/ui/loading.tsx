/** While something is fetched: nothing for 150 ms, then shapes of about the final size. */

import { useLingui } from '@lingui/react/macro'
import { useEffect, useState } from 'react'

export function Loading({ rows = 4, height = 64 }: { rows?: number; height?: number }) {
  const { t } = useLingui()
  const [late, setLate] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 150)
    return () => clearTimeout(timer)
  }, [])
  if (!late) return null
  return (
    <div className="panel" role="status" aria-label={t`Loading`}>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className="grid content-center gap-2 border-line px-4 not-first:border-t" style={{ blockSize: height }}>
          <span className="skeleton" style={{ inlineSize: `${36 - (row % 3) * 6}%` }} />
          <span className="skeleton" style={{ inlineSize: `${62 - (row % 4) * 8}%` }} />
        </div>
      ))}
    </div>
  )
}
