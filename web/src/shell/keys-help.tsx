/** The list of keys, and the switch for those that are a single letter. */

import { Trans, useLingui } from '@lingui/react/macro'

import { COMMAND, SEND, switchSingleKeys, UNDO, useSingleKeys } from '~/shell/keys'
import { openOverlay } from '~/shell/overlay'
import { Button } from '~/ui/button'
import { Dialog } from '~/ui/dialog'
import { Checkbox } from '~/ui/field'

type Line = readonly [keys: readonly string[], what: React.ReactNode]

export function KeysHelp() {
  const { t } = useLingui()
  const on = useSingleKeys()
  const close = () => openOverlay(null)
  const everywhere: readonly Line[] = [
    [[COMMAND], <Trans>Find a project or do something</Trans>],
    [['g', 'p'], <Trans>Go to the projects</Trans>],
    [['n'], <Trans>New project</Trans>],
    [['/'], <Trans>Filter the list</Trans>],
    [['j'], <Trans>Next row</Trans>],
    [['k'], <Trans>Row before</Trans>],
    [['Enter'], <Trans>Open the row</Trans>],
    [[SEND], <Trans>Send the form</Trans>],
    [[UNDO], <Trans>Take back what was done last</Trans>],
    [['?'], <Trans>This list</Trans>],
    [['Esc'], <Trans>Close what lies on top</Trans>],
  ]
  const project: readonly Line[] = [
    [['g', 'o'], <Trans>Go to its overview</Trans>],
    [['g', 'b'], <Trans>Go to its builds</Trans>],
    [['g', 's'], <Trans>Go to its settings</Trans>],
    [['v'], <Trans>Visit its site</Trans>],
  ]
  const log: readonly Line[] = [
    [['/'], <Trans>Search the log</Trans>],
    [['n'], <Trans>Next match</Trans>],
    [['N'], <Trans>Match before</Trans>],
    [['e'], <Trans>Next problem</Trans>],
    [['f'], <Trans>Follow the end</Trans>],
    [['w'], <Trans>Wrap long lines</Trans>],
    [['y'], <Trans>Copy a link to the line</Trans>],
  ]
  return (
    <Dialog open onClose={close} title={<Trans>Keyboard shortcuts</Trans>}>
      <div className="grid gap-x-8 gap-y-4 sm:grid-cols-2">
        <Group title={t`Everywhere`} lines={everywhere} />
        <div className="grid content-start gap-4">
          <Group title={t`In a project`} lines={project} />
          <Group title={t`In a log`} lines={log} />
        </div>
      </div>
      <Checkbox
        label={<Trans>Single keys do something</Trans>}
        hint={<Trans>Switch them off if you speak to your computer, or press keys by accident. {COMMAND} and Esc stay.</Trans>}
        checked={on}
        onChange={(event) => switchSingleKeys(event.target.checked)}
      />
      <div className="flex justify-end"><Button onClick={close}><Trans>Close</Trans></Button></div>
    </Dialog>
  )
}

function Group({ title, lines }: { title: string; lines: readonly Line[] }) {
  return (
    <section>
      <h3 className="mb-1 text-sm">{title}</h3>
      <dl className="grid gap-1">
        {lines.map(([keys, what]) => (
          <div key={keys.join()} className="flex items-baseline gap-3 text-sm">
            <dt className="flex w-14 shrink-0 gap-1" dir="ltr">{keys.map((key) => <kbd key={key}>{key}</kbd>)}</dt>
            <dd className="min-w-0 text-muted">{what}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
