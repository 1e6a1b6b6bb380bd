/** What every command works with. */
import type { GridFiles } from '#gateway'
import type { Home } from './home.ts'
import type { Output } from './output.ts'
import type { Roots } from './roots.ts'

export interface CommandContext {
  readonly output: Output
  /** Aborts with Interrupted on Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal
  readonly home: Home
  readonly roots: Roots
  /** Write over what servers have rolled back to. */
  readonly acceptRollback: boolean
  /** Through the daemon of the home, or in this process. The command disposes of it. */
  openFiles(): Promise<GridFiles>
}
