/** Servers that are set back to an older state of their disks, as from a backup: noticed, told, and mended on purpose. */
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { atEnd, cairn, cleanUp, GridProcess, temporaryFolder } from '../../support/cairn-process.ts'

afterAll(cleanUp)

test('a directory that servers have rolled back is not written over by accident', async () => {
  const dir = join(await temporaryFolder(), 'grid')
  let grid = await GridProcess.start(dir, ['--servers', '4', '--needed', '2', '--happy', '3', '--total', '4'])
  atEnd(() => grid.stop())
  const run = (...args: readonly string[]) => cairn([...args, '--home', grid.client])
  expect(await run('alias', 'create', 'home')).toMatchObject({ code: 0 })
  expect(await run('mkdir', 'home:kept')).toMatchObject({ code: 0 })
  await grid.stop()
  for (const { dir: server } of grid.servers) {
    await cp(join(server, 'storage'), join(server, 'storage-before'), { recursive: true })
  }
  grid = await GridProcess.start(dir)
  expect(await run('mkdir', 'home:lost')).toMatchObject({ code: 0 })
  await grid.stop()
  for (const { dir: server } of grid.servers) {
    await rm(join(server, 'storage'), { recursive: true })
    await cp(join(server, 'storage-before'), join(server, 'storage'), { recursive: true })
  }
  grid = await GridProcess.start(dir)

  const listed = await run('ls', 'home:')
  expect(listed).toMatchObject({ code: 0 })
  expect(listed.stdout.toString()).toBe('kept/\n')
  expect(listed.stderr).toContain('warning (rollback)')
  const refused = await run('mkdir', 'home:new')
  expect(refused).toMatchObject({ code: 7 })
  expect(refused.stderr).toContain('--accept-rollback')
  expect(await run('mkdir', 'home:new', '--accept-rollback')).toMatchObject({ code: 0 })
  const after = await run('ls', 'home:')
  expect(after.stdout.toString()).toBe('kept/\nnew/\n')
  expect(after.stderr).toBe('')
  expect(await run('mkdir', 'home:next')).toMatchObject({ code: 0 })
})
