/**
 * Which steps of a build are folded: those that passed, unless the reader chose otherwise. A step that runs or failed is open,
 * and one that passes while it is read stays open: the view does not move under its reader.
 */

import type { Schema } from '~/api/client'
import type { Section } from '~/log/rows'

export type Step = Schema['Step']

export class Folds {
  #steps: readonly Step[] = []
  /** What the reader chose, by the step's name. */
  #choices = new Map<string, boolean>()

  /** Takes in how the steps stand; `reading`: somebody has stopped following and looks at something. */
  update(steps: readonly Step[], reading: boolean): void {
    if (reading) {
      for (const { name, folded } of this.sections()) if (!folded) this.#choices.set(name, false)
    }
    this.#steps = steps
  }

  sections(): Section[] {
    return this.#steps.map(({ name, firstLine, state }) => ({
      name,
      firstLine,
      folded: this.#choices.get(name) ?? (state === 'passed' || state === 'skipped'),
    }))
  }

  set(section: number, folded: boolean): void {
    const step = this.#steps[section]
    if (step) this.#choices.set(step.name, folded)
  }
}
