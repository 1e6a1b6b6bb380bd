import { afterEach, describe, expect, test, vi } from 'vitest'
import { asSlotSeed, formatCapability, slotWriteCapability, toReadCapability } from '#crypto'
import type { GridFiles } from '#gateway'
import { NotFoundError, type SlotWarning } from '#node'
import type { CommandContext } from '../../cli/context.ts'
import { parsePlace, requireGrid } from '../../cli/grid-path.ts'
import { Home } from '../../cli/home.ts'
import { Lookup, parentOf } from '../../cli/lookup.ts'
import { Output } from '../../cli/output.ts'
import { Roots } from '../../cli/roots.ts'
import { localStage } from '../support/grid-stages.ts'

afterEach(() => void vi.restoreAllMocks())

const { files } = await localStage(5)

function lookupOver(over: GridFiles = files): { lookup: Lookup; printed: string[] } {
  const printed: string[] = []
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    printed.push(String(text))
    return true
  })
  const home = new Home('/nowhere')
  const context: CommandContext = {
    output: new Output({ json: true, quiet: true }),
    signal: new AbortController().signal,
    home,
    roots: new Roots(home),
    acceptRollback: false,
    openFiles: async () => over,
  }
  return { lookup: new Lookup(over, context), printed }
}

const write = (over: object): GridFiles =>
  new Proxy(files, {
    get: (target, name) => {
      const value: unknown = Reflect.get(Object.hasOwn(over, name) ? over : target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })

describe('Lookup', () => {
  test('prints each warning once, quiet or not', async () => {
    const capability = slotWriteCapability('dir', asSlotSeed(new Uint8Array(32).fill(1)))
    const warnings: SlotWarning[] = [
      { kind: 'rollback', message: 'record 3 was found where 5 was seen' },
      { kind: 'fork', message: 'two records of sequence 5 are signed' },
      { kind: 'partial', message: '3 of 10 servers answered' },
    ]
    const found = async () => ({ capability, metadata: {}, warnings })
    const { lookup, printed } = lookupOver(write({ find: found }))
    const place = formatCapability(capability)
    await lookup.find(place)
    await lookup.find(place)
    expect(printed).toEqual([
      'warning (rollback): record 3 was found where 5 was seen\n',
      'warning (fork): two records of sequence 5 are signed\n',
      'warning (partial): 3 of 10 servers answered\n',
    ])
  })

  test('finds where something new is to be, as cp(1) takes a target', async () => {
    const { lookup } = lookupOver()
    const root = await files.makeDirectory()
    const inner = await files.makeDirectory()
    const { capability: file } = await files.put({
      sizeBytes: 1,
      rereadable: true,
      open: async function* () {
        yield Buffer.from('x')
      },
    })
    await files.edit(root, [
      { kind: 'set', name: 'inner', capability: inner, metadata: {}, ifExists: 'refuse' },
      { kind: 'set', name: 'file', capability: file, metadata: {}, ifExists: 'refuse' },
    ])
    const at = (path: string) => requireGrid(parsePlace(`${formatCapability(root)}${path}`))
    const to = async (path: string, options: object = {}) => {
      const { directory, name, existing } = await lookup.destination(at(path), { name: 'own', ...options })
      const where = formatCapability(directory) === formatCapability(root) ? 'root' : 'inner'
      return [where, name, existing !== undefined]
    }
    expect(await to('')).toEqual(['root', 'own', false])
    expect(await to('/inner')).toEqual(['inner', 'own', false])
    expect(await to('/inner/')).toEqual(['inner', 'own', false])
    expect(await to('/', { name: 'file' })).toEqual(['root', 'file', true])
    expect(await to('/file')).toEqual(['root', 'file', true])
    expect(await to('/new')).toEqual(['root', 'new', false])
    expect(await to('/inner/new')).toEqual(['inner', 'new', false])
    expect(await to('/new/', { isDirectory: true })).toEqual(['root', 'new', false])
    await expect(to('/new/')).rejects.toThrow(NotFoundError)
    await expect(to('/file/')).rejects.toThrow('no directory')
    await expect(to('/file/new')).rejects.toThrow()
    await expect(to('/none/new')).rejects.toThrow(NotFoundError)
    await expect(to('/new', { isOneOfMany: true })).rejects.toThrow('several things')
    await expect(to('', { name: undefined })).rejects.toThrow('name the file too')
  })

  test('says that a directory may not be written, and that a root has no name, and shows no capability', async () => {
    const { lookup } = lookupOver()
    const root = await files.makeDirectory()
    const text = formatCapability(toReadCapability(root))
    const refused = lookup.destination(requireGrid(parsePlace(text)), { name: 'x' })
    await expect(refused).rejects.toThrow('cairn:dir-read:… may not be written')
    const found = await lookup.find(text)
    expect(() => parentOf(found)).toThrow('cairn:dir-read:… has no name in a directory')
  })
})
