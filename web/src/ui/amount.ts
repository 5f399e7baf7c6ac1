/** Amounts of memory as limits are written, in steps of 1024: `512 MiB`. */

import { useLingui } from '@lingui/react/macro'

import { useFormat } from '~/ui/format'

export function useAmount(): (bytes: number) => string {
  const { t } = useLingui()
  const format = useFormat()
  // What is used is never a round number; a tenth of the unit tells enough below ten.
  const rounded = (value: number) => format.number(value < 10 ? Math.round(value * 10) / 10 : Math.round(value))
  return (bytes) => {
    if (bytes < 1 << 20) return t`${rounded(bytes / 1024)} KiB`
    return bytes < 1 << 30 ? t`${rounded(bytes / 2 ** 20)} MiB` : t`${rounded(bytes / 2 ** 30)} GiB`
  }
}
