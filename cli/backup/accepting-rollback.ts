/** A grid whose directories are written over what its servers have rolled back to. */
import type { GridFiles } from '#gateway'

/** The same grid, and the same to close; every edit accepts a rollback. */
export function acceptingRollback(files: GridFiles): GridFiles {
  const edit: GridFiles['edit'] = (directory, changes, options) =>
    files.edit(directory, changes, { ...options, acceptRollback: true })
  const putSlot: GridFiles['putSlot'] = (capability, source, options) =>
    files.putSlot(capability, source, { ...options, acceptRollback: true })
  return new Proxy(files, {
    get(target, name) {
      if (name === 'edit') return edit
      if (name === 'putSlot') return putSlot
      const value = Reflect.get(target, name)
      // Methods look at private fields, which only the target has.
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
