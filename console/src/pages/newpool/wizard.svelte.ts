// The draft of a new pool. It stands in memory while somebody goes from step to step, and nowhere else: it may have a
// secret of X.

import { emptyDraft, type Draft } from '../../parts/pool/types'
import { nothing, type Made } from './calls'
import type { Fault, StepID, Warning } from './steps'

class Wizard {
  draft = $state<Draft>(emptyDraft())
  made = $state.raw<Made>(nothing())
  faults = $state.raw<Fault[]>([])
  warnings = $state.raw<Warning[]>([])
  /** checked are the steps that the server found good, or not, when somebody left them. */
  checked = $state.raw<Partial<Record<StepID, 'good' | 'bad'>>>({})
  finished = $state(false)

  get changed(): boolean {
    return !this.finished && (this.made.pool !== '' || JSON.stringify(this.draft) !== JSON.stringify(emptyDraft()))
  }

  clear(): void {
    this.draft = emptyDraft()
    this.made = nothing()
    this.faults = []
    this.warnings = []
    this.checked = {}
    this.finished = false
  }
}

export const wizard = new Wizard()
