/** Find or do: projects with their state, and what can be done here and everywhere. Loaded when it is opened first. */

import { Autocomplete } from '@base-ui/react/autocomplete'
import { Dialog } from '@base-ui/react/dialog'
import { Trans, useLingui } from '@lingui/react/macro'
import { useState } from 'react'

import { type Command, type CommandGroup, useCommands } from '~/shell/commands'
import { matching } from '~/shell/matching'
import { openOverlay } from '~/shell/overlay'
import { Icon } from '~/ui/icons'
import { State } from '~/ui/state'

/** More than anybody looks through; typing on finds the rest. */
const MOST = 50

export function Palette({ projectsOnly }: { projectsOnly: boolean }) {
  const { t } = useLingui()
  const [query, setQuery] = useState('')
  const groups = matching(useCommands(projectsOnly, query === ''), query, MOST)
  const label = projectsOnly ? t`Go to a project` : t`Find or do`
  const close = () => openOverlay(null)
  return (
    <Dialog.Root open onOpenChange={(open) => !open && close()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="overlay dialog palette" aria-label={label}>
          <Autocomplete.Root
            open
            inline
            mode="none"
            items={groups}
            value={query}
            onValueChange={(value, { reason }) => reason !== 'item-press' && setQuery(value)}
            itemToStringValue={(command: Command) => command.label}
            autoHighlight="always"
            keepHighlight
          >
            <Autocomplete.InputGroup className="flex items-center gap-2 border-b border-line px-4">
              <Icon name="search" className="text-dim" />
              <Autocomplete.Input className="min-h-12 min-w-0 flex-1 bg-transparent text-lg outline-none" aria-label={label} placeholder={label} />
              <Dialog.Close className="rounded-sm" aria-label={t`Close`}><kbd dir="ltr">Esc</kbd></Dialog.Close>
            </Autocomplete.InputGroup>
            <Autocomplete.Empty>
              {groups.length === 0 && <p className="px-4 py-6 text-muted"><Trans>Nothing is called <bdi className="font-semibold">{query}</bdi> here.</Trans></p>}
            </Autocomplete.Empty>
            <Autocomplete.List className="overflow-y-auto overscroll-contain p-1">
              {(group: CommandGroup) => (
                <Autocomplete.Group key={group.value} items={group.items}>
                  <Autocomplete.GroupLabel className="px-3 pt-2 pb-1 text-xs text-dim">{group.title}</Autocomplete.GroupLabel>
                  <Autocomplete.Collection>
                    {(command: Command) => <Row key={command.value} command={command} onDone={close} />}
                  </Autocomplete.Collection>
                </Autocomplete.Group>
              )}
            </Autocomplete.List>
          </Autocomplete.Root>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

function Row({ command, onDone }: { command: Command; onDone: () => void }) {
  const run = () => {
    onDone()
    command.run()
  }
  return (
    <Autocomplete.Item value={command} disabled={command.disabled ?? false} className="menu-item min-h-9" onClick={run}>
      {command.icon && <Icon name={command.icon} />}
      <span className="cut flex-1" dir="auto">{command.label}</span>
      {command.state && <State state={command.state} />}
      {command.keys && <span className="flex gap-1" dir="ltr">{command.keys.map((key) => <kbd key={key}>{key}</kbd>)}</span>}
    </Autocomplete.Item>
  )
}
