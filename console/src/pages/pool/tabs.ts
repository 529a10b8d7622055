// The sections of a pool's page, each loaded when it is shown first.

import type { Component } from 'svelte'
import type { Pool, Proposal } from './pool'

export interface TabProps {
  pool: Pool
  /** changed shows what a save returned. */
  changed: (now: Pool) => void
  /** proposal is the field and the value of a link, if they belong to this tab. */
  proposal: Proposal | null
}

type Tab = Component<TabProps>

export const tabs: { id: string; words: string; load: () => Promise<{ default: Tab }> }[] = [
  { id: 'overview', words: 'Overview', load: () => import('./Overview.svelte') },
  { id: 'providers', words: 'Providers', load: () => import('./Providers.svelte') },
  { id: 'roles', words: 'Roles and rules', load: () => import('./Roles.svelte') },
  { id: 'tags', words: 'Tags', load: () => import('./Tags.svelte') },
  { id: 'identities', words: 'Identities', load: () => import('./Identities.svelte') },
  { id: 'code', words: 'Code', load: () => import('./Code.svelte') },
  { id: 'settings', words: 'Settings', load: () => import('./Settings.svelte') },
]
