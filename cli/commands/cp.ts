/** `cairn cp`: onto the grid, from it, and within it. */
import { mkdir, realpath } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { InvalidInputError } from '#crypto'
import { isDirectory, type NamedChild, whileOpen } from '#node'
import type { CommandContext } from '../context.ts'
import { CopyReport } from '../copy/copy-report.ts'
import { requireWritable } from '../copy/directory-stack.ts'
import { DownloadTree } from '../copy/download-tree.ts'
import { LinkTree } from '../copy/link-tree.ts'
import { localEntry } from '../copy/local-tree.ts'
import { type CopyParts, CopyTargets, type TargetDirectory } from '../copy/target-directory.ts'
import { UploadTree } from '../copy/upload-tree.ts'
import { explain } from '../errno.ts'
import { describePlace, type GridPlace, type LocalPlace, parsePlace, placeBelow } from '../grid-path.ts'
import type { CpArgs } from '../invocation.ts'
import { type Located, Lookup } from '../lookup.ts'

const JOBS_DEFAULT = 8
/** For more sources than these, one listing of the target is less work than a lookup for each. */
const LOOKUPS_MAX = 4

/** Something to copy: a path of this machine or an entry of the grid, and its own name if it has one. */
type Source =
  | {
      readonly kind: 'local'
      readonly path: string
      readonly name: string | undefined
      readonly isFolder: boolean
    }
  | {
      readonly kind: 'grid'
      readonly found: Located
      readonly name: string | undefined
      readonly isFolder: boolean
    }

interface Copying {
  readonly args: CpArgs
  readonly lookup: Lookup
  readonly parts: CopyParts
  readonly jobs: number
}

export async function cp(args: CpArgs, context: CommandContext): Promise<number> {
  const { output, signal } = context
  const target = parsePlace(args.target)
  const places = args.sources.map(parsePlace)
  if (target.kind === 'local' && places.some(({ kind }) => kind === 'local')) {
    throw new InvalidInputError('both are paths of this machine: cp does that', {
      hint: 'A path of the grid begins with an alias and a colon: cairn alias list.',
    })
  }
  const report = new CopyReport(output, signal)
  await whileOpen(await context.openFiles(), async (files) => {
    const lookup = new Lookup(files, context)
    const parts = { files, report, ...lookup.writing, onWarning: lookup.onWarning }
    const copying = { args, lookup, parts, jobs: args.jobs ?? JOBS_DEFAULT }
    const sources: Source[] = []
    for (const place of places) sources.push(await look(place, copying))
    await (target.kind === 'grid' ? toGrid(sources, target, copying) : toHere(sources, target, copying))
  })
  signal.throwIfAborted()
  return report.finish()
}

/** @throws InvalidInputError if it is not there, or is a directory and -r was not given: before anything is copied */
async function look(place: LocalPlace | GridPlace, { args, lookup }: Copying): Promise<Source> {
  const requireRecursive = (isFolder: boolean, label: string): void => {
    if (!isFolder || args.recursive) return
    throw new InvalidInputError(`${label} is a directory`, { hint: '-r copies it with all below.' })
  }
  if (place.kind === 'grid') {
    const found = await lookup.find(place)
    const isFolder = isDirectory(found.capability)
    requireRecursive(isFolder, found.label)
    return { kind: 'grid', found, name: found.name, isFolder }
  }
  // What is named on the command line is meant, whatever links lead to it.
  const path = await realpath(place.path).catch(explain('copying', place.path))
  const isFolder = (await localEntry(path, { follow: true }))?.kind === 'folder'
  requireRecursive(isFolder, place.path)
  if (place.isFolder && !isFolder) throw new InvalidInputError(`${place.path} is no folder`)
  const name = basename(place.path)
  return { kind: 'local', path, name: /^\.{0,2}$/.test(name) ? undefined : name, isFolder }
}

async function toGrid(sources: readonly Source[], target: GridPlace, copying: Copying): Promise<void> {
  const { args, lookup, parts, jobs } = copying
  const found = await lookup.findIfThere(target)
  const targets = new CopyTargets(parts)
  const upload = new UploadTree(targets, { jobs, force: args.force, follow: args.follow })
  const into =
    found !== undefined && isDirectory(found.capability)
      ? { directory: requireWritable(found.capability, found.label), label: describePlace(target) }
      : undefined
  const [only] = sources
  const to =
    into ??
    (await lookup.destination(target, {
      name: undefined,
      isOneOfMany: sources.length > 1,
      isDirectory: only?.isFolder === true,
    }))
  const link = new LinkTree(targets, { jobs, into: to.directory })
  const directoryLabel = 'directoryLabel' in to ? to.directoryLabel : to.label
  const directory = targets.existing(to.directory, directoryLabel)
  const entries = into !== undefined && sources.length > LOOKUPS_MAX ? await directory.entries() : undefined
  const existingOf = async (name: string): Promise<NamedChild | undefined> => {
    if ('existing' in to) return to.existing
    if (entries !== undefined) return entries.get(name.normalize('NFC'))
    const there = await lookup.findIfThere(placeBelow(target, name.normalize('NFC')))
    return there && { name, capability: there.capability, metadata: there.metadata }
  }
  try {
    for (const source of sources) {
      const name = 'name' in to ? to.name : source.name
      const existing = name === undefined ? undefined : await existingOf(name)
      await addToGrid(source, { name, existing, directory, upload, link })
    }
    await link.drain()
    await upload.drain()
    await directory.finish()
    targets.check()
  } finally {
    // After an interruption, the names that are known are written all the same.
    await link.settle()
    await upload.settle()
    await targets.flush()
  }
}

async function addToGrid(
  source: Source,
  to: {
    readonly name: string | undefined
    readonly existing: NamedChild | undefined
    readonly directory: TargetDirectory
    readonly upload: UploadTree
    readonly link: LinkTree
  },
): Promise<void> {
  const { name, existing, directory, upload, link } = to
  if (source.kind === 'local') {
    if (name === undefined) return upload.addContents(source.path, directory)
    return upload.add(source.path, name, { target: directory, existing })
  }
  const { capability, metadata } = source.found
  if (name !== undefined) {
    return link.add({ name, capability, metadata }, { target: directory, existing })
  }
  if (isDirectory(capability)) return link.addContents(capability, directory)
  throw new InvalidInputError(`${source.found.label} has no name of its own: name the file in the target`)
}

async function toHere(sources: readonly Source[], target: LocalPlace, copying: Copying): Promise<void> {
  const { args, parts, jobs } = copying
  if (target.path === '-') {
    throw new InvalidInputError('cp writes files', { hint: 'cairn get PATH - writes to standard output.' })
  }
  const there = await localEntry(target.path, { follow: true })
  const isFolder = there?.kind === 'folder'
  if (!isFolder && sources.length > 1) {
    throw new InvalidInputError(`${target.path} is no folder, and several things are to go there`)
  }
  const umask = process.umask()
  const options = { jobs, force: args.force, umask, platform: process.platform }
  const download = new DownloadTree(parts, options)
  try {
    for (const source of sources) {
      if (source.kind === 'grid') await addHere(source, { target, isFolder, download })
    }
    await download.drain()
  } finally {
    await download.settle()
  }
}

async function addHere(
  source: Extract<Source, { kind: 'grid' }>,
  to: { readonly target: LocalPlace; readonly isFolder: boolean; readonly download: DownloadTree },
): Promise<void> {
  const { target, isFolder, download } = to
  const { capability, metadata, label } = source.found
  const path = resolve(target.path)
  if (isFolder && source.name !== undefined) {
    return download.add({ name: source.name, capability, metadata }, { path, label: target.path })
  }
  if (isDirectory(capability)) {
    if (!isFolder) await mkdir(path).catch(explain('making', target.path))
    return download.addContents(capability, { path, label: target.path })
  }
  if (isFolder) throw new InvalidInputError(`${label} has no name of its own: name the file in the target`)
  if (target.isFolder) throw new InvalidInputError(`there is no folder ${target.path}`)
  const child = { name: basename(path), capability, metadata }
  return download.add(child, { path: dirname(path), label: dirname(target.path) })
}
