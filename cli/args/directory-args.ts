/** Command lines about the tree people work in: mkdir, ls, cp, mv, rm, ln, alias, share. */
import type { Command } from 'commander'
import { UsageError } from '../usage-error.ts'
import { filterOf, withFilter, withRepository } from './repository-options.ts'
import { commonOf, type Done, Values, withCommon, withProgress, withWriting } from './values.ts'

export function addMkdir(command: Command, done: Done): void {
  withWriting(command)
    .argument(
      '[path...]',
      'directories to make; without any a new one of no name, whose capability is printed',
    )
    .option('-p, --parents', 'make those above too, and do not mind one that is there')
    .action((paths: string[], options: unknown) => {
      const values = new Values(options)
      done({ verb: 'mkdir', ...commonOf(values), paths, parents: values.flag('parents') })
    })
}

export function addLs(command: Command, done: Done): void {
  withFilter(withRepository(withCommon(command)), { hostLetter: true })
    .argument('[path]', 'a directory or a file; with --snapshot a path in it')
    .option('-l, --long', 'with type, size and time')
    .option('-R, --recursive', 'all below too, each with its path')
    .option('-s, --snapshot <id>', 'of a backup: the id of a snapshot, its beginning, or latest')
    .action((place: string | undefined, options: unknown) => {
      const values = new Values(options)
      const common = commonOf(values)
      const [long, recursive] = [values.flag('long'), values.flag('recursive')]
      const [snapshot, repository] = [values.text('snapshot'), values.text('repository')]
      if (snapshot !== undefined) {
        const filter = filterOf(values)
        return done({
          verb: 'snapshot-ls',
          ...common,
          ...{ repository, filter, snapshot, path: place ?? '/', long, recursive },
        })
      }
      if (repository !== undefined) throw new UsageError('--repository goes with --snapshot ID')
      if (place === undefined) throw new UsageError('ls: a path wanted, or --snapshot ID')
      done({ verb: 'ls', ...common, place, long, recursive })
    })
}

export function addCp(command: Command, done: Done): void {
  withProgress(withWriting(command))
    .argument('<path...>', 'what to copy, one or more, and last where to; here or on the grid')
    .option('-r, --recursive', 'directories too, with all below')
    .option('-f, --force', 'copy what seems unchanged too: equal in size and time')
    .option('--follow', 'copy what symbolic links lead to; without it they are left out')
    .option(
      '--jobs <count>',
      'files at a time (default: 8); of small ones that are sent, eight times as many',
    )
    .action((paths: string[], options: unknown) => {
      const values = new Values(options)
      done({
        verb: 'cp',
        ...commonOf(values),
        ...sourcesAndTarget(paths, 'cp'),
        recursive: values.flag('recursive'),
        force: values.flag('force'),
        follow: values.flag('follow'),
        jobs: values.whole('jobs'),
        progress: values.flag('progress'),
      })
    })
}

export function addMv(command: Command, done: Done): void {
  withWriting(command)
    .argument('<path...>', 'what to move, one or more, and last where to')
    .action((paths: string[], options: unknown) => {
      done({ verb: 'mv', ...commonOf(new Values(options)), ...sourcesAndTarget(paths, 'mv') })
    })
}

export function addRm(command: Command, done: Done): void {
  withWriting(command)
    .argument('<path...>', 'names to take out of their directories')
    .option('-r, --recursive', 'directories that are not empty too')
    .option('-f, --force', 'do not mind names that are not there')
    .action((places: string[], options: unknown) => {
      const values = new Values(options)
      const [recursive, force] = [values.flag('recursive'), values.flag('force')]
      done({ verb: 'rm', ...commonOf(values), places, recursive, force })
    })
}

export function addLn(command: Command, done: Done): void {
  withWriting(command)
    .argument('<source>', 'a path of the grid, a capability, @FILE that holds one, or @- for standard input')
    .argument('<path>', 'the new name, or a directory')
    .option('--read-only', 'without the right to write')
    .option('-f, --force', 'replace what has the name')
    .action((source: string, target: string, options: unknown) => {
      const values = new Values(options)
      const [readOnly, force] = [values.flag('readOnly'), values.flag('force')]
      done({ verb: 'ln', ...commonOf(values), source, target, readOnly, force })
    })
}

export function addShare(command: Command, done: Done): void {
  withCommon(command)
    .argument('<path>', 'a path of the grid, a capability, @FILE that holds one, or @- for standard input')
    .option('--write', 'let them change it too')
    .option('--verify', 'let them check and repair it, and not read it')
    .option('--qr', 'a QR code too (default: if standard output is a terminal)')
    .option('--no-qr', 'no QR code')
    .action((place: string, options: unknown) => {
      const values = new Values(options)
      const [isWrite, isVerify] = [values.flag('write'), values.flag('verify')]
      if (isWrite && isVerify) throw new UsageError('--write or --verify, not both')
      const right = isWrite ? 'write' : isVerify ? 'verify' : 'read'
      done({ verb: 'share', ...commonOf(values), place, right, qr: values.choice('qr') })
    })
}

export function addAlias(command: Command, done: Done): void {
  const action = (name: string, summary: string): Command =>
    withCommon(command.command(name).description(summary).helpOption('-h, --help', 'print this help'))
  command.helpCommand(false)
  action('add', 'give a capability a name')
    .argument('<name>')
    .argument('<capability>', 'itself, @FILE that holds it, - for standard input, or a path of the grid')
    .option('-f, --force', 'replace the alias of this name')
    .action((name: string, source: string, options: unknown) => {
      const values = new Values(options)
      done({ verb: 'alias', action: 'add', ...commonOf(values), name, source, force: values.flag('force') })
    })
  action('create', 'make a directory, and give it a name')
    .argument('<name>')
    .action((name: string, options: unknown) => {
      done({ verb: 'alias', action: 'create', ...commonOf(new Values(options)), name })
    })
  action('list', 'the names, and of what kind each is')
    .option('--show', 'the capabilities too, which are secrets')
    .action((options: unknown) => {
      const values = new Values(options)
      done({ verb: 'alias', action: 'list', ...commonOf(values), show: values.flag('show') })
    })
  action('rm', 'forget a name')
    .argument('<name>')
    .option('-f, --force', 'even if nothing else here can write what it stands for')
    .action((name: string, options: unknown) => {
      const values = new Values(options)
      done({ verb: 'alias', action: 'rm', ...commonOf(values), name, force: values.flag('force') })
    })
}

function sourcesAndTarget(
  paths: readonly string[],
  verb: string,
): { readonly sources: readonly string[]; readonly target: string } {
  const target = paths.at(-1)
  if (target === undefined || paths.length < 2) {
    throw new UsageError(`${verb}: at least two paths wanted, what and where to`)
  }
  return { sources: paths.slice(0, -1), target }
}
