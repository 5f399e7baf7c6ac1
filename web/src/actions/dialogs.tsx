/** The dialog of each question. */

import { type Asked, close } from '~/actions/ask'
import { Approve, BuildNewest, Cancel, Rebuild } from '~/actions/of-builds'
import { Activate, Promote, PromoteByBuild } from '~/actions/of-deployments'
import { RemovePreview } from '~/actions/of-previews'
import { RunCommand, StopRun } from '~/actions/of-runs'
import { RemoveVolume, RestartService, ScaleService } from '~/actions/of-services'

export type DialogProps = { open: boolean; onClose: () => void }

export default function Dialogs({ question, open, number }: Asked) {
  const dialog = { open, onClose: () => close(number) }
  switch (question.kind) {
    case 'activate': return <Activate {...dialog} {...question} />
    case 'promote': return <Promote {...dialog} {...question} />
    case 'promote_by_build': return <PromoteByBuild {...dialog} {...question} />
    case 'rebuild': return <Rebuild {...dialog} {...question} />
    case 'build_newest': return <BuildNewest {...dialog} {...question} />
    case 'approve': return <Approve {...dialog} {...question} />
    case 'cancel': return <Cancel {...dialog} {...question} />
    case 'remove_preview': return <RemovePreview {...dialog} {...question} />
    case 'restart_service': return <RestartService {...dialog} {...question} />
    case 'scale_service': return <ScaleService {...dialog} {...question} />
    case 'run_command': return <RunCommand {...dialog} {...question} />
    case 'stop_run': return <StopRun {...dialog} {...question} />
    case 'remove_volume': return <RemoveVolume {...dialog} {...question} />
  }
}
