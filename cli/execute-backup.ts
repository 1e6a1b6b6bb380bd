/** The commands about backups, each loaded only when it is the one. */
import type { BackupInvocation } from './backup/invocation.ts'
import type { CommandContext } from './context.ts'

/** @returns the exit code */
export async function executeBackup(invocation: BackupInvocation, context: CommandContext): Promise<number> {
  switch (invocation.verb) {
    case 'backup':
      return (await import('./commands/backup.ts')).backup(invocation, context)
    case 'snapshots':
      return (await import('./commands/snapshots.ts')).snapshots(invocation, context)
    case 'snapshot-ls':
      return (await import('./commands/snapshot-ls.ts')).snapshotLs(invocation, context)
    case 'find':
      return (await import('./commands/find.ts')).find(invocation, context)
    case 'diff':
      return (await import('./commands/diff.ts')).diff(invocation, context)
    case 'restore':
      return (await import('./commands/restore.ts')).restore(invocation, context)
    case 'dump':
      return (await import('./commands/dump.ts')).dump(invocation, context)
    case 'forget':
      return (await import('./commands/forget.ts')).forget(invocation, context)
    case 'prune':
      return (await import('./commands/prune.ts')).prune(invocation, context)
    case 'check-repository':
      return (await import('./commands/check-repository.ts')).checkRepository(invocation, context)
    case 'drill':
      return (await import('./commands/drill.ts')).drill(invocation, context)
    case 'recovery-kit':
      return (await import('./commands/recovery-kit.ts')).recoveryKit(invocation, context)
    case 'drop':
      return (await import('./commands/drop.ts')).drop(invocation, context)
  }
}
