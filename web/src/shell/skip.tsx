import { Trans } from '@lingui/react/macro'

/** For whoever goes by keyboard: past the bar. */
export function Skip() {
  return <a className="skip" href="#main"><Trans>Skip to the content</Trans></a>
}
