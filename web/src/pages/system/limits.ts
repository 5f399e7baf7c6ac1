/** The limits of a build as words and amounts, with the operator's variable that sets each. */

import { useLingui } from '@lingui/react/macro'

import type { Schema } from '~/api/client'
import type { Fact } from '~/pages/system/rows'
import { useAmount, useFormat } from '~/ui/format'

const VARIABLES = {
  time: 'BERTH_BUILD_TIMEOUT',
  memory: 'BERTH_BUILD_MEMORY',
  cpus: 'BERTH_BUILD_CPUS',
  pids: 'BERTH_BUILD_PIDS',
  log: 'BERTH_BUILD_LOG',
  output: 'BERTH_BUILD_OUTPUT',
  atOnce: 'BERTH_BUILD_CONCURRENCY',
}

export function useLimits(limits: Schema['LimitsBody']): Fact[] {
  const { t } = useLingui()
  const format = useFormat()
  const size = useAmount()
  return [
    { word: t`Time`, value: format.duration(limits.timeoutSeconds * 1_000), name: VARIABLES.time },
    { word: t`Memory`, value: size(limits.memoryBytes), name: VARIABLES.memory },
    { word: t`Processors`, value: format.number(limits.cpus), name: VARIABLES.cpus },
    { word: t`Processes and threads`, value: format.number(limits.processes), name: VARIABLES.pids },
    { word: t`Log`, value: size(limits.logBytes), name: VARIABLES.log },
    { word: t`Size of what is published`, value: size(limits.outputBytes), name: VARIABLES.output },
    { word: t`Files in what is published`, value: format.number(limits.outputFiles) },
    { word: t`Size of the clone`, value: size(limits.sourceBytes) },
    { word: t`Files in the clone`, value: format.number(limits.sourceFiles) },
    { word: t`Builds at once`, value: format.number(limits.buildsAtOnce), name: VARIABLES.atOnce },
    { word: t`Room that stays free`, value: size(limits.freeSpaceFloorBytes) },
  ]
}
